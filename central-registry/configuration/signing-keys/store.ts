/** Rows of the signing keys: their certificates, and which one signs. All others are announced, so that servers know them. */
import type { Kysely } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { Tables } from '../../migrations/tables.ts'
import type { Change } from '../../store.ts'

export type SigningKeyRow = { id: string; certificate: Buffer; is_active: number; created_at: string }
export type SigningKeyStore = ReturnType<typeof createSigningKeyStore>

const COLUMNS = ['id', 'certificate', 'is_active', 'created_at'] as const

export function createSigningKeyStore(database: Database, change: Change) {
  const tables = tablesOf<Tables>(database)

  return {
    list: (): Promise<SigningKeyRow[]> =>
      tables.selectFrom('signing_key').select(COLUMNS).orderBy('created_at').orderBy('id').execute(),
    /** The first key becomes active, later ones wait to be activated. */
    add: (key: { id: string; certificate: Buffer; at: string }) =>
      change(async (transaction): Promise<SigningKeyRow> => {
        const first = await transaction.selectFrom('signing_key').select('id').limit(1).executeTakeFirst()
        const { id, certificate, at } = key
        const row = { id, certificate, is_active: first === undefined ? 1 : 0, created_at: at }
        await transaction.insertInto('signing_key').values(row).execute()
        return row
      }),
    /** Throws `conflict` for a key that was added after `announcedBefore`. */
    activate: (id: string, announcedBefore: string) =>
      change(async (transaction) => {
        const key = await transaction
          .selectFrom('signing_key')
          .select(COLUMNS)
          .where('id', '=', id)
          .executeTakeFirst()
        if (key === undefined) throw new Fault('key_not_found', { what: id })
        if (key.is_active === 0 && key.created_at > announcedBefore) {
          throw new Fault('conflict', {
            what: 'servers that have not fetched the configuration since this key was added would be cut off; wait until the validity has passed',
          })
        }
        await transaction.updateTable('signing_key').set({ is_active: 0 }).where('id', '!=', id).execute()
        await transaction.updateTable('signing_key').set({ is_active: 1 }).where('id', '=', id).execute()
      }),
    /** Throws `conflict` for the active key. */
    remove: (id: string) =>
      change(async (transaction) => {
        const row = await transaction
          .selectFrom('signing_key')
          .select('is_active')
          .where('id', '=', id)
          .executeTakeFirst()
        if (row === undefined) throw new Fault('key_not_found', { what: id })
        if (row.is_active === 1)
          throw new Fault('conflict', {
            what: 'the active key signs the configuration; activate another first',
          })
        await transaction.deleteFrom('signing_key').where('id', '=', id).execute()
      }),
  }
}

/** The key that signs; undefined before there is one. */
export function activeKeyIn(
  kysely: Kysely<Tables>,
): Promise<Pick<SigningKeyRow, 'id' | 'certificate'> | undefined> {
  const keys = kysely.selectFrom('signing_key').select(['id', 'certificate'])
  return keys.where('is_active', '=', 1).executeTakeFirst()
}
