/** The public halves of the registry's identity keys, by which a lost or a second key is noticed. */
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { RegisterTables } from '../../register/tables.ts'
import type { ClaimKeys } from './identity-keys.ts'

export function createIdentityKeyStore(database: Database): ClaimKeys {
  const tables = tablesOf<RegisterTables>(database)
  const keyOf = (name: string) =>
    tables.selectFrom('identity_key').selectAll().where('name', '=', name).executeTakeFirst()
  return {
    claimed: async (name) => (await keyOf(name))?.public_key,
    isLost: async (name) => ((await keyOf(name))?.lost_at ?? null) !== null,
    claim: (name, publicKey, lost) =>
      inTransaction(tables, async (transaction) => {
        await transaction
          .insertInto('identity_key')
          .values({ name, public_key: publicKey, lost_at: null })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .execute()
        if (lost !== undefined && lost.names.length > 0)
          await transaction
            .updateTable('identity_key')
            .set({ lost_at: lost.at })
            .where('name', 'in', lost.names)
            .where('lost_at', 'is', null)
            .execute()
        const row = transaction.selectFrom('identity_key').select('public_key').where('name', '=', name)
        return (await row.executeTakeFirstOrThrow()).public_key
      }),
  }
}
