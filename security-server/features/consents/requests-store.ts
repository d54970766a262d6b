/** Requests for consent: one is answered once, by the person for whom it is. */
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { RequestRow, Tables } from './tables.ts'

export type RequestStore = ReturnType<typeof createRequestStore>

/** Unanswered ones of a client. */
export const MOST_WAITING = 100_000
/** Of one statement. */
const AT_ONCE = 500

export function createRequestStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  return {
    /** Throws `too_many_requests` when too many of this client wait. */
    add: (row: RequestRow): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        // Of two at once the second one counts the first.
        await lockFor(transaction, `consent requests of ${row.client}`)
        const { count } = await transaction
          .selectFrom('consent_request')
          .select(({ fn }) => fn.countAll<number>().as('count'))
          .where('client', '=', row.client)
          .where('state', '=', 'REQUESTED')
          .where('valid_until', '>', row.asked_at)
          .executeTakeFirstOrThrow()
        if (Number(count) >= MOST_WAITING)
          throw new Fault('too_many_requests', {
            what: `${MOST_WAITING} requests for consent wait`,
            retryAfter: 3600,
          })
        await transaction.insertInto('consent_request').values(row).execute()
      }),
    byId: (request: string): Promise<RequestRow | undefined> =>
      tables.selectFrom('consent_request').selectAll().where('request', '=', request).executeTakeFirst(),
    byToken: (hash: string): Promise<RequestRow | undefined> =>
      tables.selectFrom('consent_request').selectAll().where('token_hash', '=', hash).executeTakeFirst(),
    /** Of consents that were given to requests that keep the person's code: the code, sealed. */
    codesOf: async (numbers: string[]): Promise<{ number: string; request: string; code: string }[]> => {
      const found: { number: string; request: string; code: string }[] = []
      for (let at = 0; at < numbers.length; at += AT_ONCE)
        found.push(
          ...(await tables
            .selectFrom('consent_request')
            .select(['number', 'request', 'code'])
            .$narrowType<{ number: string; code: string }>()
            .where('number', 'in', numbers.slice(at, at + AT_ONCE))
            .where('code', 'is not', null)
            .execute()),
        )
      return found
    },
    /** The code of whoever said no is needed for no answer. */
    decline: async (request: string): Promise<void> => {
      await tables
        .updateTable('consent_request')
        .set({ state: 'DECLINED', code: null })
        .where('request', '=', request)
        .where('state', '=', 'REQUESTED')
        .execute()
    },
  }
}
