/** How often the log is time-stamped: as the global configuration says, within bounds that no configuration moves. */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'

/** X-Road's default and lower bound: shorter would trouble the authority, whoever publishes it. */
const LEAST_SECONDS = 60
/** How many runs have their turn before exchange stops for want of a time-stamp. */
const TRIES = 4

/**
 * The interval of this moment, in seconds; without a valid configuration what the last one said. Never so long that one
 * failure makes the log refuse (`unstampedLimitSeconds` after its oldest unstamped record).
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
      // No exchange happens now that would need it sooner.
    }
    return Math.min(Math.max(said, LEAST_SECONDS), most)
  }
}

/** For the health check: fine until the log itself refuses, but with the reason once two runs have stamped nothing. */
export function lateTimeStamps(q: {
  oldestUnstamped(): Date | undefined
  intervalSeconds(): number
  clock: Clock
}): Finding {
  const oldest = q.oldestUnstamped()
  if (oldest === undefined || q.clock() - oldest.getTime() < 2000 * q.intervalSeconds()) return { ok: true }
  return { ok: true, reason: `records since ${oldest.toISOString()} wait for a time-stamp` }
}
