/**
 * Ends what a thread does when it has used too much of a processor. A machine that has much else to do makes
 * a thread slow; that is no fault of what it reads, so the time on the wall alone does not count.
 */
import type { Worker } from 'node:worker_threads'

type Thread = Pick<Worker, 'cpuUsage'>

/** A thread may wait so many times as long as it may compute. */
const MOST_WAITING = 10
const LEAST_PAUSE_MS = 10
/** A timer that comes so late shows that this process, and the thread with it, stood still. */
const LATE_MS = 100

/**
 * Calls `over` once if the thread computes longer than `timeMs` from now on, waits ten times as long, or does
 * not say for `timeMs` what it has used: it is in code that nothing interrupts. The function that is returned
 * ends the watch.
 */
export function limitProcessorTime(thread: Thread, timeMs: number, over: () => void): () => void {
  // Asked before there is anything to compute, so that what was used before counts for nothing.
  const before = usedBy(thread)
  let timer: NodeJS.Timeout | undefined
  let isEnded = false
  const stop = (): void => {
    isEnded = true
    clearTimeout(timer)
  }
  const end = (): void => {
    if (isEnded) return
    stop()
    over()
  }
  // As it was set, not as it was measured: where timers come late, the thread comes late too.
  let waited = 0
  const after = (ms: number, act: () => void): NodeJS.Timeout => {
    clearTimeout(timer)
    waited += ms
    timer = setTimeout(act, ms)
    return timer
  }
  function look(): void {
    if (waited >= MOST_WAITING * timeMs) {
      end()
      return
    }
    const asked = performance.now()
    // An answer that has come while this thread was busy is read first. When all stood still, none can have
    // come: it is asked for again.
    const silence = after(timeMs, () =>
      setImmediate(() => {
        if (timer !== silence) return
        if (performance.now() - asked < timeMs + LATE_MS) end()
        else look()
      }),
    )
    void Promise.all([before, usedBy(thread)]).then(([first, now]) => {
      // A thread that has ended says so itself.
      if (isEnded || timer !== silence || first === undefined || now === undefined) return
      waited -= timeMs
      const left = timeMs - (now - first)
      if (left <= 0) end()
      else after(Math.max(left, LEAST_PAUSE_MS), look)
    })
  }
  after(timeMs, look)
  return stop
}

/** Milliseconds; undefined of a thread that is not running. */
async function usedBy(thread: Thread): Promise<number | undefined> {
  try {
    const { user, system } = await thread.cpuUsage()
    return (user + system) / 1000
  } catch {
    return undefined
  }
}
