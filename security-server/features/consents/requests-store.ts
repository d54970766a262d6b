/** Requests for consent: one is answered once, by the person for whom it is. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { RequestRow, Tables } from './tables.ts'

export type RequestStore = ReturnType<typeof createRequestStore>

/** Of one statement. */
const AT_ONCE = 500

export function createRequestStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  return {
    add: async (row: RequestRow): Promise<void> => {
      await tables.insertInto('consent_request').values(row).execute()
    },
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
    /** How many of a client wait for an answer. */
    waiting: async (client: string, now: string): Promise<number> => {
      const { count } = await tables
        .selectFrom('consent_request')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('client', '=', client)
        .where('state', '=', 'REQUESTED')
        .where('valid_until', '>', now)
        .executeTakeFirstOrThrow()
      return Number(count)
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
