/** The row of the key by which people are named. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
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
    dropSealedWith: async (id: string): Promise<number> => {
      const { numDeletedRows } = await tables
        .deleteFrom('consent_key')
        .where('key_id', '=', id)
        .executeTakeFirst()
      return Number(numDeletedRows)
    },
  }
}
