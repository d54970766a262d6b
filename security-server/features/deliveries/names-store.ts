/** The row of the key that names rows, and the rows that were named by another key, or by none. */
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { BoxRow, Tables } from './tables.ts'

type NameKey = { id: string; sealed: Buffer; keyId: string }

export type NameKeyStore = {
  read(): Promise<NameKey | undefined>
  /** Stores this one if there is none; resolves to the one that is stored. */
  first(key: NameKey): Promise<NameKey>
  replace(key: NameKey): Promise<void>
  /** Only while it is this key that names. */
  reseal(key: NameKey): Promise<void>
}

export function createNameKeyStore(database: Database): NameKeyStore {
  const tables = tablesOf<Tables>(database)
  const read = async (): Promise<NameKey | undefined> => {
    const row = await tables.selectFrom('delivery_name_key').selectAll().executeTakeFirst()
    return row === undefined ? undefined : { id: row.id, sealed: row.sealed, keyId: row.key_id }
  }
  return {
    read,
    async first({ id, sealed, keyId }) {
      await tables
        .insertInto('delivery_name_key')
        .values({ one: 1, id, sealed, key_id: keyId })
        .onConflict((conflict) => conflict.column('one').doNothing())
        .execute()
      return (await read())!
    },
    async replace({ id, sealed, keyId }) {
      const values = { id, sealed, key_id: keyId }
      await tables
        .insertInto('delivery_name_key')
        .values({ one: 1, ...values })
        .onConflict((conflict) => conflict.column('one').doUpdateSet(values))
        .execute()
    },
    async reseal({ id, sealed, keyId }) {
      await tables
        .updateTable('delivery_name_key')
        .set({ sealed, key_id: keyId })
        .where('id', '=', id)
        .execute()
    },
  }
}

export type OldNamed = Pick<BoxRow, 'delivery' | 'event_key' | 'lane' | 'facts' | 'content'> & {
  position: number
  client: string
  service: string
}
export type NewNames = {
  position: number
  event_key: string
  lane: string
  named_by: string
  secrecy: number
}
type Box = 'outbox' | 'inbox'

export function createOldNames(database: Database) {
  const tables = tablesOf<Tables>(database)
  return {
    /** Rows whose names another key made, after a position, in order. */
    some: async (box: Box, q: { but: string; after: number; limit: number }): Promise<OldNamed[]> => {
      const columns = ['position', 'delivery', 'event_key', 'lane', 'facts', 'content'] as const
      const rows =
        box === 'inbox'
          ? await tables
              .selectFrom('inbox')
              .select([...columns, 'client', 'service'])
              .where('named_by', '!=', q.but)
              .where('position', '>', q.after)
              .orderBy('position')
              .limit(q.limit)
              .execute()
          : await tables
              .selectFrom('outbox')
              .innerJoin('delivery_route', 'delivery_route.id', 'outbox.route')
              .select([...columns, 'client', 'service'])
              .where('named_by', '!=', q.but)
              .where('position', '>', q.after)
              .orderBy('position')
              .limit(q.limit)
              .execute()
      return rows.map((row) => ({ ...row, position: Number(row.position) }))
    },
    /**
     * All or none of them. A row whose event was taken again under its new name, by a node that knew the new
     * key first, keeps its old name: a repetition finds the other one.
     */
    rename: (box: Box, rows: NewNames[]): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        for (const { position, event_key, ...others } of rows) {
          const taken = await transaction
            .selectFrom(box as 'outbox')
            .select('position')
            .where('event_key', '=', event_key)
            .where('position', '!=', position)
            .executeTakeFirst()
          await transaction
            .updateTable(box as 'outbox')
            .set(taken === undefined ? { event_key, ...others } : others)
            .where('position', '=', position)
            .execute()
        }
      }),
  }
}
