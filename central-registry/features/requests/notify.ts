/**
 * Notifies the owner of a server of a decision by webhook. The notice is a job, committed together with the
 * decision and repeated with back-off. It may arrive twice and proves nothing; the signed status query does.
 */

import type { Clock } from '#platform/clock.ts'
import type { Within } from '#platform/database/open-database.ts'
import type { JobHandler, Jobs } from '#platform/jobs/create-jobs.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { PostNotice } from '../../members/webhooks/client.ts'
import type { WebhookStore } from '../../members/webhooks/store.ts'
import { statusOf } from './intake.ts'
import type { RequestRow } from './rows-store.ts'

export const NOTIFY = 'notify-requester'

/**
 * After this many milliseconds the notice is dropped; the owner learns of the decision from a status query.
 */
const GIVE_UP_MS = 3 * 86_400_000

/** For the request store: enqueues the notice within the transaction of the decision. */
export function announceDecision(
  jobs: Pick<Jobs, 'enqueue'>,
): (within: Within, request: RequestRow) => Promise<void> {
  return (within, { id }) => jobs.enqueue(NOTIFY, { request: id }, { key: String(id), within })
}

/** The job's handler. Does nothing for an owner without a webhook. */
export function createNotifier(rooms: {
  requests: { row(id: number): Promise<RequestRow> }
  webhooks: Pick<WebhookStore, 'urlOf'>
  post: PostNotice
  clock: Clock
  log: Log
}): JobHandler {
  return async ({ payload, signal }) => {
    const row = await rooms.requests.row((payload as { request: number }).request)
    const url = await rooms.webhooks.urlOf(row.owner)
    if (url === undefined) return
    if (rooms.clock() - Date.parse(row.decided_at ?? row.filed_at) > GIVE_UP_MS) {
      rooms.log.warn({ request: row.id }, 'the webhook of the requester took no notice for three days')
      return
    }
    await rooms.post(url, statusOf(row), signal)
  }
}
