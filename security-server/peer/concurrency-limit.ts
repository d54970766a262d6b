/**
 * Guarantees that the number of concurrent tasks is bounded, and that a task waits neither long nor in a long
 * queue for its turn.
 */
import { Fault } from '#schemas/fault.ts'

export type ConcurrencyLimit = {
  /**
   * Resolves, when it is the caller's turn, with the function that ends the turn (calling it twice does no
   * harm). Rejects with `service_unavailable`.
   */
  take(): Promise<() => void>
}

type Waiting = { go(): void; timer: NodeJS.Timeout }

/**
 * `atOnce` tasks run at the same time; `waiting` more may wait, each for `waitMs`. `what` names the target in
 * the fault.
 */
export function createConcurrencyLimit(q: {
  atOnce: number
  waiting: number
  waitMs: number
  what: string
}): ConcurrencyLimit {
  const queue = new Set<Waiting>()
  let running = 0

  function leaveOnce(): () => void {
    let left = false
    return () => {
      if (left) return
      left = true
      const [next] = queue
      if (next === undefined) running -= 1
      else next.go()
    }
  }

  return {
    async take() {
      if (running < q.atOnce) {
        running += 1
        return leaveOnce()
      }
      if (queue.size >= q.waiting)
        throw new Fault('service_unavailable', { what: `too many wait for ${q.what}` })
      return new Promise((resolve, reject) => {
        const waiting: Waiting = {
          go() {
            queue.delete(waiting)
            clearTimeout(waiting.timer)
            resolve(leaveOnce())
          },
          timer: setTimeout(() => {
            queue.delete(waiting)
            reject(new Fault('service_unavailable', { what: `no turn came up for ${q.what}` }))
          }, q.waitMs),
        }
        queue.add(waiting)
      })
    },
  }
}
