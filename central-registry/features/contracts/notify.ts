/**
 * Notifies the members of a contract by webhook. Each notice is a job, committed together with the event and
 * repeated with back-off. A notice proves nothing; the signed list that the member's server fetches does.
 */
import type { Clock } from '#platform/clock.ts'
import type { JobHandler } from '#platform/jobs/create-jobs.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { ContractNotice } from '../../contract-versions/announce.ts'
import type { PostNotice } from '../../members/webhooks/client.ts'
import type { WebhookStore } from '../../members/webhooks/store.ts'

/** After this many milliseconds a notice is dropped; the member learns of the event from its server. */
const GIVE_UP_MS = 3 * 86_400_000

/** The job's handler. Does nothing for a member without a webhook. Throws as `PostNotice`. */
export function createContractNotifier(rooms: {
  webhooks: Pick<WebhookStore, 'urlOf'>
  post: PostNotice
  clock: Clock
  log: Log
}): JobHandler {
  return async ({ payload, signal }) => {
    const { member, at, ...notice } = payload as ContractNotice
    const url = await rooms.webhooks.urlOf(member)
    if (url === undefined) return
    if (rooms.clock() - at > GIVE_UP_MS) {
      rooms.log.warn({ contract: notice.contract }, 'the webhook of a party took no notice for three days')
      return
    }
    await rooms.post(url, { ...notice, at: new Date(at).toISOString() }, signal)
  }
}
