/** Handlers of the operations on members' mail addresses and on the outbox. */
import type { Kysely } from 'kysely'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { idText, type MemberId } from '#schemas/identifiers.ts'
import { listAnswer } from '../list-answer.ts'
import { instanceOf } from '../members/instance.ts'
import { memberIdOf } from '../members/rules.ts'
import type { MemberStore } from '../members/store.ts'
import type { MailState } from '../migrations/tables.ts'
import type { Page } from '../store.ts'
import { checkAddresses } from './rules.ts'
import type { MailStore } from './store.ts'

export function mailHandlers({
  store,
  members,
  enqueue,
  clock,
}: {
  store: MailStore
  members: Pick<MemberStore, 'parameters'>
  /** Asks for the job that sends a message. */
  enqueue(within: Kysely<unknown>, mail: number): Promise<void>
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
      const page = query as Page & { state?: MailState }
      const rows = await store.list(page)
      const shown = rows.map((row) => ({
        ...{ id: Number(row.id), text: row.text, recipient: row.recipient, state: row.state },
        ...{ attempts: Number(row.attempts), createdAt: row.created_at },
        ...(row.last_error === null ? {} : { lastError: row.last_error }),
        ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
      }))
      return listAnswer(shown, page, () => store.count(page))
    },
    retryMailMessage: ({ params }) => {
      const mail = Number(params['id'])
      return store.retry(mail, clock(), (within) => enqueue(within, mail))
    },
  }
}
