/** The counts of look-ups by client and UTC day. No row says about whom anybody asked. */
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Whole } from '#schemas/sent-values.ts'

type CountRow = { day: string; client: string; look_ups: Whole; refused: Whole }

/** What the clients asked on a day: look-ups that were answered, and refused ones. */
type LookUpDay = { day: string; clients: { client: string; lookUps: number; refused: number }[] }

/** Clients that were only refused: the names that somebody makes up take one row. */
const OTHERS = '*'

export type LookUpStore = ReturnType<typeof createLookUpStore>

export function createLookUpStore(database: Database) {
  const tables = tablesOf<{ look_up_count: CountRow }>(database)
  return {
    /** Counts one look-up; one refusal if the client's limit or that of all is used up, and returns which. */
    count: (
      day: string,
      client: string,
      limits: { client: number; all: number },
    ): Promise<'client' | 'all' | undefined> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'look-ups')
        const rows = await transaction
          .selectFrom('look_up_count')
          .select(['client', 'look_ups'])
          .where('day', '=', day)
          .execute()
        const all = rows.reduce((sum, row) => sum + Number(row.look_ups), 0)
        const known = rows.find((row) => row.client === client)
        const isNew = known === undefined
        const own = Number(known?.look_ups ?? 0)
        const usedUp = own >= limits.client ? 'client' : all >= limits.all ? 'all' : undefined
        const one = { look_ups: usedUp === undefined ? 1 : 0, refused: usedUp === undefined ? 0 : 1 }
        await transaction
          .insertInto('look_up_count')
          .values({ day, client: isNew && usedUp !== undefined ? OTHERS : client, ...one })
          .onConflict((conflict) =>
            conflict.columns(['day', 'client']).doUpdateSet((old) => ({
              look_ups: old('look_up_count.look_ups', '+', one.look_ups),
              refused: old('look_up_count.refused', '+', one.refused),
            })),
          )
          .execute()
        return usedUp
      }),

    daysBefore: async (day: string): Promise<LookUpDay[]> => {
      const rows = await tables
        .selectFrom('look_up_count')
        .selectAll()
        .where('day', '<', day)
        .orderBy('day')
        .orderBy('client')
        .execute()
      const days = Map.groupBy(rows, (row) => row.day)
      return [...days].map(([one, counted]) => ({
        day: one,
        clients: counted.map(({ client, look_ups, refused }) => ({
          ...{ client, lookUps: Number(look_ups), refused: Number(refused) },
        })),
      }))
    },
    forgetDay: async (day: string): Promise<void> => {
      await tables.deleteFrom('look_up_count').where('day', '=', day).execute()
    },
  }
}
