/**
 * The time by which this room judges what has ended. While nothing newer is accepted it only goes forward: a clock that is turned
 * back during an outage of the registry gives nobody time anew. Whatever a wrong clock did is over with the next publication.
 */
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import type { InstanceCopy } from './instance-copy.ts'

type PassedTime = {
  /** In ms, as of a clock. */
  now: Clock
  /** Begins with what is on disk: as late as an earlier process had written down, and no earlier than the copy was signed. */
  restore(copy: InstanceCopy | undefined): void
  /** Begins anew with what our own registry published later than `held`: the same once more proves nothing. */
  begin(accepted: InstanceCopy, held: InstanceCopy | undefined): void
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
    begin: (accepted, held) => {
      // A source without statements, which publishes no grace, proves no time.
      if (accepted.statement !== undefined && signedAt(accepted) <= signedAt(held)) return
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

/** When the registry signed the statement of a copy (ms). */
function signedAt(copy: InstanceCopy | undefined): number {
  return copy?.statement === undefined ? 0 : Date.parse(copy.statement.generatedAt)
}
