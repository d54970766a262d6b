/** The calls that were made under consents. */
import { sql } from 'kysely'
import type { Clock } from '#platform/clock.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { createWriteTogether } from '#platform/database/write-together.ts'
import { Fault } from '#schemas/fault.ts'
import { createConsentsOfCalls } from './consents-of-calls-store.ts'
import { createCallCounts } from './count-calls-store.ts'
import type { Tables, UseRow } from './tables.ts'
import { type CallToTake, type TakenRow, takeTogether } from './take-store.ts'
import { createUseWriter } from './write-uses-store.ts'

/** After this row, in the order of a list. */
export type After = { at: string; id: string }

/**
 * Calls of this node that wait to be counted. Beyond, they are refused: their clients would give up before
 * their turn.
 */
const MOST_WAITING = 4096

export function createUseStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  const writer = createUseWriter(tables)
  const counts = createCallCounts(tables)
  const take = createWriteTogether((asked: { call: CallToTake; clock: Clock }[]) =>
    takeTogether(
      { tables, counts, writer },
      asked.map(({ call }) => call),
      asked[0]!.clock(),
    ),
  )
  let waiting = 0
  return {
    /**
     * For a call when its turn comes, together with those that come meanwhile. Throws `consent_unknown` when
     * too many wait.
     */
    take: async (call: CallToTake, clock: Clock): Promise<TakenRow | undefined> => {
      if (waiting >= MOST_WAITING)
        throw new Fault('consent_unknown', { what: `${MOST_WAITING} calls wait to be counted` })
      waiting += 1
      try {
        return await take({ call, clock })
      } finally {
        waiting -= 1
      }
    },
    /** A call that was counted, in this stretch, and not made. Of a later stretch nothing is given back. */
    giveBack: (use: UseRow, stretch = ''): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        const { numDeletedRows } = await transaction
          .deleteFrom('consent_use')
          .where('number', '=', use.number)
          .where('time', '=', use.time)
          .where('request_id', '=', use.request_id)
          .executeTakeFirst()
        if (numDeletedRows === 0n) return
        const { numUpdatedRows } = await transaction
          .updateTable('consent_calls')
          .set({ uses: sql`uses - 1` })
          .where('number', '=', use.number)
          .where('uses', '>', 0)
          .executeTakeFirst()
        if (numUpdatedRows > 0n) return
        await transaction
          .updateTable('consent')
          .set({
            uses: sql`uses - 1`,
            stretch_uses: sql`case when stretch = ${stretch} and stretch_uses > 0 then stretch_uses - 1 else stretch_uses end`,
          })
          .where('number', '=', use.number)
          .execute()
      }),
    consentsOf: createConsentsOfCalls(tables),
    /**
     * Calls under standing consents that no number bounds. Those that were told before count no second time.
     */
    addUses: (uses: readonly UseRow[]): Promise<void> =>
      inTransaction(tables, async (transaction) =>
        writer.count(transaction, await writer.insertNew(transaction, uses)),
      ),
    /** Calls under consents that another server keeps, each with its client. */
    noteUses: (uses: readonly UseRow[]): Promise<void> =>
      inTransaction(tables, async (transaction) => void (await writer.insertNew(transaction, uses))),
    /** Of before that time: of what another server has still to hear. */
    untold: (before: string, limit: number): Promise<UseRow[]> =>
      tables
        .selectFrom('consent_use')
        .selectAll()
        .where('to_tell', 'is not', null)
        .where('time', '<', before)
        .limit(limit)
        .execute(),
    /** At most as many as one statement takes. */
    told: async (uses: readonly UseRow[]): Promise<void> => {
      const keys = uses.map(({ number, time, request_id: id }) => sql`(${number}, ${time}, ${id})`)
      await tables
        .updateTable('consent_use')
        .set({ to_tell: null })
        .where(sql<boolean>`("number", "time", "request_id") in (values ${sql.join(keys)})`)
        .execute()
    },
    forgetUse: async ({ number, time, request_id }: UseRow): Promise<void> => {
      await tables
        .deleteFrom('consent_use')
        .where('number', '=', number)
        .where('time', '=', time)
        .where('request_id', '=', request_id)
        .execute()
    },
    /** Newest first. */
    uses: (number: string, q: { after?: After | undefined; limit: number }): Promise<UseRow[]> => {
      let query = tables.selectFrom('consent_use').selectAll().where('number', '=', number)
      const { after } = q
      if (after !== undefined)
        query = query.where((is) =>
          is.or([
            is('time', '<', after.at),
            is.and([is('time', '=', after.at), is('request_id', '>', after.id)]),
          ]),
        )
      return query.orderBy('time', 'desc').orderBy('request_id').limit(q.limit).execute()
    },
  }
}
