/**
 * Lets a bounded number of calls run at the same time, and a bounded number wait for their turn, each for a
 * bounded time.
 */
import { Fault } from '#schemas/fault.ts'

type CallLimit = {
  /** Runs `act` in its turn. Throws `source_busy` when too many wait, or it waited too long. */
  run<T>(act: () => Promise<T>): Promise<T>
  running(): number
  waiting(): number
}

type Waiter = { begin(): void; timer: NodeJS.Timeout }

export function limitCalls(q: { running: number; waiting: number; waitMs: number }): CallLimit {
  let running = 0
  const queue: Waiter[] = []
  const turn = (): Promise<void> | undefined => {
    if (running < q.running) {
      running++
      return undefined
    }
    if (queue.length >= q.waiting) throw new Fault('source_busy')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter: Waiter = {
      begin: resolve,
      timer: setTimeout(() => {
        queue.splice(queue.indexOf(waiter), 1)
        reject(new Fault('source_busy'))
      }, q.waitMs),
    }
    queue.push(waiter)
    return promise
  }
  return {
    async run(act) {
      await turn()
      try {
        return await act()
      } finally {
        const next = queue.shift()
        if (next === undefined) running--
        else {
          clearTimeout(next.timer)
          // It takes the place that is left.
          next.begin()
        }
      }
    },
    running: () => running,
    waiting: () => queue.length,
  }
}
