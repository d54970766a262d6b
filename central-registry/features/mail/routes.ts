/** Handlers of the operations on members' mail addresses and on the outbox. */

import type { Fields } from '#core/mail/mail-address.ts'
import type { Clock } from '#platform/clock.ts'
import type { Within } from '#platform/database/open-database.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { idText, type MemberId } from '#schemas/identifiers.ts'
import { kept } from '#schemas/said.ts'
import { wholeNumber } from '#schemas/sent-values.ts'
import type { Page } from '../../changes/store.ts'
import { instanceOf } from '../../members/instance.ts'
import { memberIdOf } from '../../members/rules.ts'
import type { MemberStore } from '../../members/store.ts'
import { checkAddresses, hasText, type MailLanguage, render } from './rules.ts'
import type { MailStore, Seen } from './store.ts'

export const MAIL_STATES = ['WAITING', 'SENT', 'REFUSED', 'GIVEN_UP'] as const

const MOST_AT_ONCE = 500

export function mailHandlers({
  store,
  members,
  isConfigured,
  language,
  enqueue,
  clock,
}: {
  store: MailStore
  members: Pick<MemberStore, 'parameters'>
  /** Whether the settings name a mail server. */
  isConfigured: boolean
  language: MailLanguage
  /** Enqueues the job that sends a message. */
  enqueue(within: Within, mail: number): Promise<void>
  clock: Clock
}): Record<string, OperationHandler> {
  const memberIn = async (params: Record<string, string>): Promise<MemberId> =>
    memberIdOf(params['id']!, await instanceOf(members))
  return {
    getMailAddresses: async ({ params }) => ({
      addresses: await store.addressesOf(idText(await memberIn(params))),
    }),
    setMailAddresses: async ({ params, body }) =>
      store.setAddresses(await memberIn(params), checkAddresses((body as { addresses: string[] }).addresses)),
    getMailMessages: async ({ query }) => {
      const page = query as Page & Seen
      const rows = await store.list(page)
      const shown = rows.map((row) => ({
        ...{ id: wholeNumber(row.id), text: row.text, recipient: row.recipient, state: row.state },
        // The catalogue may no longer have a text of an older version.
        subject: hasText(row.text)
          ? render(row.text, JSON.parse(row.fields) as Fields, language).subject
          : row.text,
        ...{ attempts: wholeNumber(row.attempts), createdAt: row.created_at },
        ...(row.last_error === null ? {} : { lastError: kept(row.last_error) }),
        ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
      }))
      return listAnswer(shown, page, () => store.count(page))
    },
    retryMailMessage: ({ params }) => {
      const mail = Number(params['id'])
      return store.retry(mail, clock(), (within) => enqueue(within, mail))
    },
    retryMailMessages: async () => {
      const retried = await store.retryGivenUp(clock(), MOST_AT_ONCE, enqueue)
      return { retried, left: await store.count({ state: 'GIVEN_UP' }) }
    },
    forgetMailMessage: ({ params }) => store.remove(Number(params['id'])),
    getMailDelivery: async () => {
      const counts = MAIL_STATES.map(async (state) => [state, await store.count({ state })] as const)
      return { isConfigured, messages: Object.fromEntries(await Promise.all(counts)) }
    },
  }
}
