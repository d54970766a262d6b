/**
 * How often the log is time-stamped: as the global configuration says, within bounds that it cannot change.
 */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'
import { say } from '#schemas/said.ts'

/** X-Road's default, here also the lower bound: a shorter interval would burden the authority. */
const LEAST_SECONDS = 60
/** How many runs take place before exchanges stop because a time-stamp is missing. */
const TRIES = 4

/**
 * Returns a function that gives the present interval in seconds. Without a valid configuration it uses the
 * last known interval. The interval is short enough for several runs before the log refuses records, which it
 * does `unstampedLimitSeconds` after its oldest unstamped record.
 */
export function timeStampInterval(q: {
  /** The configuration in force; throws when there is none. */
  configuration(): Pick<ConfigurationIndex, 'timeStampingIntervalSeconds'>
  unstampedLimitSeconds: number
}): () => number {
  const most = Math.max(1, Math.floor(q.unstampedLimitSeconds / TRIES))
  let said = LEAST_SECONDS
  return () => {
    try {
      said = q.configuration().timeStampingIntervalSeconds
    } catch {
      // Without a valid configuration no exchange takes place, so no shorter interval is needed.
    }
    return Math.min(Math.max(said, LEAST_SECONDS), most)
  }
}

/**
 * For the health check: always `ok`, but with a reason once two runs have stamped nothing. The log itself
 * reports when it refuses records.
 */
export function lateTimeStamps(q: {
  oldestUnstamped(): Date | undefined
  intervalSeconds(): number
  clock: Clock
}): Finding {
  const oldest = q.oldestUnstamped()
  if (oldest === undefined || q.clock() - oldest.getTime() < 2000 * q.intervalSeconds()) return { ok: true }
  return { ok: true, reason: say`records since ${oldest.toISOString()} wait for a time-stamp` }
}
