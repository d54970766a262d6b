/**
 * The time by which this room judges what has ended. While nothing newer is accepted it only goes forward: a
 * clock that is turned back during an outage of the registry gives nobody time anew. Whatever a wrong clock
 * did is over with the next publication.
 */
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import type { InstanceCopy } from './instance-copy.ts'

type PassedTime = {
  /** In ms, as of a clock. */
  now: Clock
  /**
   * Begins with what is on disk: as late as an earlier process had written down, and no earlier than the copy
   * was signed.
   */
  restore(copy: InstanceCopy | undefined): void
  /**
   * Begins anew with a statement of our own registry that is newer than `seen`, the index of the newest
   * before: the same once more proves nothing, and neither does the time that a statement gives itself.
   */
  begin(accepted: InstanceCopy, seen: number | undefined): void
  /** Writes down how late it is, for a process that begins again during the outage. */
  note(): Promise<void>
}

export function createPassedTime(q: {
  clock: Clock
  log: Log
  marks: { passed(): number; notePassed(ms: number | undefined): void; persist(): Promise<void> }
}): PassedTime {
  const { clock, marks } = q
  let latest = marks.passed()
  const now = (): number => {
    latest = Math.max(latest, clock())
    return latest
  }
  return {
    now,
    restore: (copy) => {
      latest = Math.max(marks.passed(), signedAt(copy))
    },
    begin: (accepted, seen) => {
      // A source without statements publishes no grace, so nobody gains by its publications.
      if (accepted.statement !== undefined && accepted.statement.index <= (seen ?? -1)) return
      latest = signedAt(accepted)
      marks.notePassed(undefined)
    },
    note: async () => {
      marks.notePassed(now())
      await marks
        .persist()
        .catch((cause: unknown) => q.log.warn({ err: asFault(cause) }, 'marks not written'))
    },
  }
}

/**
 * When the registry signed the statement of a copy (ms); 0 for a time that is not before the statement's own
 * end. A registry whose clock had been ahead signed such times, and by them no copy of it would ever be in
 * force.
 */
function signedAt(copy: InstanceCopy | undefined): number {
  if (copy?.statement === undefined) return 0
  const { generatedAt, expireDate } = copy.statement
  const at = Date.parse(generatedAt)
  return at < Date.parse(expireDate) ? at : 0
}
