/** The public halves of the registry's identity keys, by which a lost or a second key is noticed. */
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { RegisterTables } from '../../register/tables.ts'
import type { ClaimKeys } from './key-files.ts'

export function createIdentityKeyStore(database: Database): ClaimKeys {
  const tables = tablesOf<RegisterTables>(database)
  const keyOf = (name: string) =>
    tables.selectFrom('identity_key').selectAll().where('name', '=', name).executeTakeFirst()
  return {
    claimed: async (name) => (await keyOf(name))?.public_key,
    isLost: async (name) => ((await keyOf(name))?.lost_at ?? null) !== null,
    numbered: async (base) => {
      const rows = await tables
        .selectFrom('identity_key')
        .selectAll()
        .where(({ eb, or }) => or([eb('name', '=', base), eb('name', 'like', `${base}-%`)]))
        .execute()
      return rows.flatMap(
        ({ name, public_key: publicKey, made_at: madeAt, accepted_until: acceptedUntil }) => {
          const number = name === base ? 1 : Number(/^[1-9]\d{0,3}$/.exec(name.slice(base.length + 1))?.[0])
          return number >= 1 ? [{ number, publicKey, madeAt, acceptedUntil }] : []
        },
      )
    },
    claim: (name, publicKey, { at, lost = [], replaces = [], until } = {}) =>
      inTransaction(tables, async (transaction) => {
        const keys = () => transaction.updateTable('identity_key')
        await transaction
          .insertInto('identity_key')
          .values({
            name,
            public_key: publicKey,
            lost_at: null,
            made_at: until === undefined ? null : (at ?? null),
            accepted_until: null,
          })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .execute()
        const row = transaction.selectFrom('identity_key').select('public_key').where('name', '=', name)
        const { public_key: owner } = await row.executeTakeFirstOrThrow()
        // Another node made this key: what it said of those before counts.
        if (owner !== publicKey) return owner
        if (lost.length > 0 && at !== undefined)
          await keys().set({ lost_at: at }).where('name', 'in', lost).where('lost_at', 'is', null).execute()
        if (replaces.length > 0 && until !== undefined)
          await keys()
            .set({ accepted_until: until })
            .where('name', 'in', replaces)
            .where(({ eb, or }) => or([eb('accepted_until', 'is', null), eb('accepted_until', '>', until)]))
            .execute()
        return owner
      }),
  }
}
