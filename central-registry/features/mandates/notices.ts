/**
 * Notifies host and client by webhook that a mandate was given, ends soon or has ended. Each notice is a job,
 * repeated with back-off.
 */

import type { Clock } from '#platform/clock.ts'
import type { Within } from '#platform/database/open-database.ts'
import type { JobHandler, Jobs } from '#platform/jobs/create-jobs.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { encodedId } from '../../members/rules.ts'
import type { PostNotice } from '../../members/webhooks/client.ts'
import type { WebhookStore } from '../../members/webhooks/store.ts'
import type { HostingMandateRow } from '../../register/tables.ts'

export const NOTIFY_MANDATE = 'notify-hosting-mandate'
const GIVE_UP_MS = 3 * 86_400_000

type Notice = {
  mandate: number
  event: string
  host: string
  client: string
  validUntil: string
  to: string
  at: number
}

export function announceMandate(
  jobs: Pick<Jobs, 'enqueue'>,
  clock: Clock,
): (within: Within, row: HostingMandateRow, event: string) => Promise<void> {
  return async (within, row, event) => {
    for (const to of [row.host, row.member]) {
      const about = {
        ...{ mandate: Number(row.id), event, host: encodedId(row.host), client: encodedId(row.client) },
        validUntil: row.valid_until,
      }
      const notice: Notice = { ...about, to, at: clock() }
      await jobs.enqueue(NOTIFY_MANDATE, notice, { key: `${row.id} ${event} ${to}`, within })
    }
  }
}

/** The job's handler. Does nothing for a member without a webhook. */
export function createMandateNotifier(rooms: {
  webhooks: Pick<WebhookStore, 'urlOf'>
  post: PostNotice
  clock: Clock
  log: Log
}): JobHandler {
  return async ({ payload, signal }) => {
    const { to, at, ...notice } = payload as Notice
    const url = await rooms.webhooks.urlOf(to)
    if (url === undefined) return
    if (rooms.clock() - at > GIVE_UP_MS) {
      rooms.log.warn(
        { mandate: notice.mandate },
        'a webhook took no notice of a hosting mandate for three days',
      )
      return
    }
    await rooms.post(url, { ...notice, at: new Date(at).toISOString() }, signal)
  }
}
