/**
 * Stores what a session compares: the entries of both sides by key, what was erased here, and what was shown
 * of differences.
 */
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'

/**
 * `erased`: tags of requests whose content was erased. `bare`: keys of requests of which only ids were
 * stored.
 */
export type EntrySide = 'own' | 'peer' | 'erased' | 'bare' | 'shown-own' | 'shown-peer'

export type EntryRow = { key: Buffer; entry: Buffer; facts: string }
export type Tables = { reconciliation_entry: EntryRow & { session: string; side: string } }

export type EntriesStore = ReturnType<typeof createEntriesStore>

const AT_ONCE = 100

export function createEntriesStore(database: Database) {
  const kysely = tablesOf<Tables>(database)
  const of = (session: string, side: EntrySide) =>
    kysely.selectFrom('reconciliation_entry').where('session', '=', session).where('side', '=', side)
  return {
    /** Adds rows. Two rows with one key are combined by `merge`. */
    put: async (
      session: string,
      side: EntrySide,
      rows: EntryRow[],
      merge: (before: EntryRow, after: EntryRow) => EntryRow,
    ): Promise<void> => {
      for (let at = 0; at < rows.length; at += AT_ONCE) {
        const some = new Map<string, EntryRow>()
        const add = (row: EntryRow): void => {
          const key = row.key.toString('hex')
          const before = some.get(key)
          some.set(key, before === undefined ? row : merge(before, row))
        }
        const part = rows.slice(at, at + AT_ONCE)
        const keys = part.map(({ key }) => key)
        await inTransaction(kysely, async (transaction) => {
          some.clear()
          const known = await transaction
            .selectFrom('reconciliation_entry')
            .select(['key', 'entry', 'facts'])
            .where('session', '=', session)
            .where('side', '=', side)
            .where('key', 'in', keys)
            .execute()
          for (const row of known) add(row)
          for (const row of part) add(row)
          await transaction
            .insertInto('reconciliation_entry')
            .values([...some.values()].map((row) => ({ ...row, session, side })))
            .onConflict((conflict) =>
              conflict.columns(['session', 'side', 'key']).doUpdateSet((row) => ({
                entry: row.ref('excluded.entry'),
                facts: row.ref('excluded.facts'),
              })),
            )
            .execute()
        })
      }
    },

    /**
     * Rows in ascending order of keys: from `from` (included, or excluded if `isBehind`) to below `below`.
     */
    page: async (
      session: string,
      side: EntrySide,
      q: { from: Buffer; isBehind?: boolean; below?: Buffer | undefined; limit: number },
    ): Promise<EntryRow[]> => {
      let query = of(session, side)
        .select(['key', 'entry', 'facts'])
        .where('key', q.isBehind === true ? '>' : '>=', q.from)
      if (q.below !== undefined) query = query.where('key', '<', q.below)
      return query.orderBy('key').limit(q.limit).execute()
    },

    get: (session: string, side: EntrySide, key: Buffer): Promise<EntryRow | undefined> =>
      of(session, side).select(['key', 'entry', 'facts']).where('key', '=', key).executeTakeFirst(),

    count: async (session: string, side: EntrySide): Promise<number> => {
      const row = await of(session, side)
        .select(({ fn }) => fn.countAll().as('found'))
        .executeTakeFirstOrThrow()
      return Number(row.found)
    },

    forget: async (session: string): Promise<void> => {
      await kysely.deleteFrom('reconciliation_entry').where('session', '=', session).execute()
    },
  }
}
