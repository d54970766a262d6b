/**
 * Asks for a publication of the configuration: soon after each change. The job is committed together with the
 * change, so that a crash between the two loses nothing. Many changes at the same time lead to one
 * publication.
 */

import type { Clock } from '#platform/clock.ts'
import type { Within } from '#platform/database/open-database.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import { raiseRevision } from './store.ts'

export const PUBLISH = 'publish-configuration'

/**
 * Milliseconds from a change to its publication. There are at most two publications a second, and each change
 * is published well within two seconds.
 */
const GATHER_MS = 500

/**
 * For `createChange`: raises the register's revision and enqueues a publication, within the transaction of
 * the change.
 */
export function announcePublication(
  jobs: Pick<Jobs, 'enqueue'>,
  clock: Clock,
): (transaction: Within) => Promise<void> {
  return async (within) => {
    await raiseRevision(within)
    await jobs.enqueue(PUBLISH, null, { key: 'change', runAt: new Date(clock() + GATHER_MS), within })
  }
}
