/**
 * When the configuration is published: soon after each change and before the last publication expires. The job is recorded
 * with the change itself, so that a crash between the two loses nothing, and many changes at once make one publication.
 */

import type { Clock } from '#platform/clock.ts'
import type { Within } from '#platform/database/open-database.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import { raiseRevision } from './store.ts'

export const PUBLISH = 'publish-configuration'

/** At most two publications a second, the first well within two seconds of a change. */
const GATHER_MS = 500

/** For createChange: asks for a publication within the transaction of the change. */
export function announcePublication(
  jobs: Pick<Jobs, 'enqueue'>,
  clock: Clock,
): (transaction: Within) => Promise<void> {
  return async (within) => {
    await raiseRevision(within)
    await jobs.enqueue(PUBLISH, null, { key: 'change', runAt: new Date(clock() + GATHER_MS), within })
  }
}
