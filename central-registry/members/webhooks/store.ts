/**
 * Rows of webhooks: the URL at which a member with servers wants to be notified of decisions on its requests.
 */
import { tablesOf } from '#platform/database/open-database.ts'
import { idText, type MemberId } from '#schemas/identifiers.ts'
import { type Change, mustHaveMet, type Tabled } from '../../changes/store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { mustBeRegistered } from '../store.ts'

export type WebhookStore = ReturnType<typeof createWebhookStore>

export function createWebhookStore(database: Tabled, record: Change) {
  const tables = tablesOf<RegisterTables>(database)
  return {
    /** The URL of a member, by its id in text form. */
    async urlOf(member: string): Promise<string | undefined> {
      const row = await tables
        .selectFrom('member_webhook')
        .select('url')
        .where('member', '=', member)
        .executeTakeFirst()
      return row?.url
    },
    set: (member: MemberId, url: string) =>
      record(async (transaction) => {
        await mustBeRegistered(transaction, member)
        await transaction
          .insertInto('member_webhook')
          .values({ member: idText(member), url })
          .onConflict((conflict) => conflict.column('member').doUpdateSet({ url }))
          .execute()
      }),
    delete: (member: MemberId) =>
      record(async (transaction) => {
        const gone = await transaction
          .deleteFrom('member_webhook')
          .where('member', '=', idText(member))
          .executeTakeFirst()
        mustHaveMet('the webhook', gone.numDeletedRows)
      }),
  }
}
