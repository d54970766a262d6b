/**
 * Rows of the signing keys: their certificates, and which key signs. Publications name all the others too, so
 * that servers know them in advance.
 */
import type { Kysely } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { type Change, counted } from '../../changes/store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { checkActivation, checkRemoval, knownFrom, type SigningKeyFacts, stateOfNewKey } from './rules.ts'

export type SigningKeyRow = SigningKeyFacts & { id: string; certificate: Buffer; created_at: string }
export type SigningKeyStore = ReturnType<typeof createSigningKeyStore>

const COLUMNS = ['id', 'certificate', 'is_active', 'created_at', 'known_at', 'activated_at'] as const

export function createSigningKeyStore(database: Database, change: Change) {
  const tables = tablesOf<RegisterTables>(database)

  return {
    list: (): Promise<SigningKeyRow[]> => signingKeysIn(tables),
    /** The first key becomes active at once; later ones have to be activated. */
    add: (key: { id: string; certificate: Buffer; at: string }) =>
      change(async (transaction): Promise<SigningKeyRow> => {
        const isActive = stateOfNewKey(await counted(transaction.selectFrom('signing_key'))) === 'ACTIVE'
        const { id, certificate, at } = key
        const row = {
          ...{ id, certificate, created_at: at, known_at: null },
          ...{ is_active: isActive ? 1 : 0, activated_at: isActive ? at : null },
        }
        await transaction.insertInto('signing_key').values(row).execute()
        return row
      }),
    /** Throws `key_not_found`, and as `checkActivation`. Does nothing for the key that signs already. */
    activate: (id: string, q: { at: string; force: boolean }) =>
      change(async (transaction) => {
        const key = await transaction
          .selectFrom('signing_key')
          .select(COLUMNS)
          .where('id', '=', id)
          .executeTakeFirst()
        if (key === undefined) throw new Fault('key_not_found', { what: id })
        checkActivation(key, q)
        if (key.is_active === 1) return
        await transaction.updateTable('signing_key').set({ is_active: 0 }).where('id', '!=', id).execute()
        await transaction
          .updateTable('signing_key')
          .set({ is_active: 1, activated_at: q.at })
          .where('id', '=', id)
          .execute()
      }),
    /** Throws `key_not_found`, and as `checkRemoval`. */
    remove: (id: string) =>
      change(async (transaction) => {
        const row = await transaction
          .selectFrom('signing_key')
          .select(['is_active', 'activated_at'])
          .where('id', '=', id)
          .executeTakeFirst()
        if (row === undefined) throw new Fault('key_not_found', { what: id })
        checkRemoval(row)
        await transaction.deleteFrom('signing_key').where('id', '=', id).execute()
      }),
  }
}

/**
 * Sets `known_at` of the keys that this publication names for the first time. Call it before the
 * publication's row is inserted.
 */
export async function noteAnnounced(transaction: Kysely<RegisterTables>, generatedAt: string): Promise<void> {
  const row = await transaction
    .selectFrom('publication')
    .select(({ fn }) => fn.max('expires_at').as('usable_until'))
    .executeTakeFirst()
  const known_at = knownFrom({ generatedAt, usableUntil: row?.usable_until ?? undefined })
  await transaction.updateTable('signing_key').set({ known_at }).where('known_at', 'is', null).execute()
}

/** The oldest first. */
export function signingKeysIn(kysely: Kysely<RegisterTables>): Promise<SigningKeyRow[]> {
  return kysely.selectFrom('signing_key').select(COLUMNS).orderBy('created_at').orderBy('id').execute()
}

/**
 * Within the acceptance of a restored register: adds these keys as they were last, lets the one with the id
 * `signs` sign, and deletes those in `gone`. Their files stay.
 */
export async function bringBackKeys(
  transaction: Kysely<RegisterTables>,
  { back, signs, gone }: { back: SigningKeyRow[]; signs: string | undefined; gone: string[] },
): Promise<void> {
  const keys = () => transaction.updateTable('signing_key')
  for (const row of back) {
    const { known_at, activated_at } = row
    await transaction
      .insertInto('signing_key')
      .values({ ...row, is_active: 0 })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ known_at, activated_at }))
      .execute()
  }
  if (signs !== undefined) {
    await keys().set({ is_active: 0 }).where('id', '!=', signs).execute()
    await keys().set({ is_active: 1 }).where('id', '=', signs).execute()
  }
  for (const id of gone) await transaction.deleteFrom('signing_key').where('id', '=', id).execute()
}

/** The key that signs; undefined when there is none yet. */
export function activeKeyIn(
  kysely: Kysely<RegisterTables>,
): Promise<Pick<SigningKeyRow, 'id' | 'certificate'> | undefined> {
  const keys = kysely.selectFrom('signing_key').select(['id', 'certificate'])
  return keys.where('is_active', '=', 1).executeTakeFirst()
}
