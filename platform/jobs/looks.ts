/**
 * Looks whether recurring work is due before its interval is over. A look only reads, so that a server
 * without work writes nothing; a job would write when it begins and when it ends. The interval is kept for
 * whatever no look sees.
 */
import type { Log } from '#platform/logging/create-log.ts'

/** How often each kind is looked at. */
const APART_MS = 1000

export type IsDue = () => boolean | Promise<boolean>

/** For a look that reads more: it is taken no more often than every so many milliseconds of the clock. */
export function lookApart(apartMs: number, clock: () => number, isDue: IsDue): IsDue {
  let lookedAt = Number.NEGATIVE_INFINITY
  return () => {
    const now = clock()
    // Also a clock that was set back.
    if (Math.abs(now - lookedAt) < apartMs) return false
    lookedAt = now
    return isDue()
  }
}

/** `runNow` makes the row of a kind due. */
export function createLooks(q: {
  runNow(kind: string): Promise<void>
  /** Work that is under way here looks by itself. */
  isRunning(kind: string): boolean
  /** Elapsed milliseconds, which no clock sets back. */
  elapsed(): number
  log: Log
}) {
  const looks = new Map<string, IsDue>()
  let lookedAt = Number.NEGATIVE_INFINITY
  return {
    set: (kind: string, isDue: IsDue): void => void looks.set(kind, isDue),
    /** Looks at all kinds, if the last time is long enough ago. Throws when a row cannot be written. */
    async take(): Promise<void> {
      if (q.elapsed() - lookedAt < APART_MS) return
      lookedAt = q.elapsed()
      for (const [kind, isDue] of looks) {
        if (q.isRunning(kind)) continue
        // One feature's failure must not keep the jobs of others from running.
        const isNow = await Promise.resolve()
          .then(isDue)
          .catch((err: unknown) => {
            q.log.warn({ err, kind }, 'it cannot be seen whether a job is due')
            return false
          })
        if (isNow) await q.runNow(kind)
      }
    },
  }
}
