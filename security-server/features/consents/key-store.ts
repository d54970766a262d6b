/** The row of the key by which people are named. */
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Tables } from './tables.ts'

type Kept = { sealed: Buffer; keyId: string }

export type KeyStore = ReturnType<typeof createKeyStore>

export function createKeyStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  const read = async (): Promise<Kept | undefined> => {
    const row = await tables.selectFrom('consent_key').selectAll().executeTakeFirst()
    return row && { sealed: row.sealed, keyId: row.key_id }
  }
  return {
    read,
    /** Stores this one if there is none; resolves to the one that is stored. */
    first: async ({ sealed, keyId }: Kept): Promise<Kept> => {
      await tables
        .insertInto('consent_key')
        .values({ one: 1, sealed, key_id: keyId })
        .onConflict((conflict) => conflict.column('one').doNothing())
        .execute()
      return (await read())!
    },
    sealedWith: async (id: string): Promise<number> => ((await read())?.keyId === id ? 1 : 0),
    reseal: async (from: string, { sealed, keyId }: Kept): Promise<void> => {
      await tables
        .updateTable('consent_key')
        .set({ sealed, key_id: keyId })
        .where('key_id', '=', from)
        .execute()
    },
    /**
     * Gives up the key if only this one opens it, and ends all consents: nobody finds them any more, and so
     * nobody could withdraw one. A node that still names people as before finds them ended.
     */
    giveUp: (id: string, at: string): Promise<number> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'consents')
        const { numDeletedRows } = await transaction
          .deleteFrom('consent_key')
          .where('key_id', '=', id)
          .executeTakeFirst()
        if (numDeletedRows === 0n) return 0
        await transaction
          .updateTable('consent')
          .set({ withdrawn_at: at })
          .where('withdrawn_at', 'is', null)
          .execute()
        return Number(numDeletedRows)
      }),
  }
}
