/** Rows of accepted calls, by caller and the caller's key. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'

type TakenUpRow = { caller: string; key: string; operation: string; at: string }

type Tables = { idempotency_key: TakenUpRow }

export const idempotencyKeyMigrations: Record<string, Migration> = {
  'idempotency-keys-001': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('idempotency_key')
        .addColumn('caller', type.text, (column) => column.notNull())
        .addColumn('key', type.text, (column) => column.notNull())
        .addColumn('operation', type.text, (column) => column.notNull())
        .addColumn('at', type.text, (column) => column.notNull())
        .addPrimaryKeyConstraint('idempotency_key_key', ['caller', 'key'] as never[])
        .execute()
      await kysely.schema.createIndex('idempotency_key_at').on('idempotency_key').column('at').execute()
    },
  },
}

type IdempotencyKeyStore = {
  /** False if this caller's key exists already. */
  insert(row: TakenUpRow): Promise<boolean>
  find(caller: string, key: string): Promise<TakenUpRow | undefined>
  remove(caller: string, key: string): Promise<void>
  forget(before: string): Promise<void>
}

export function createIdempotencyKeyStore(database: Database): IdempotencyKeyStore {
  const tables = tablesOf<Tables>(database)
  return {
    insert: async (row) => {
      const { numInsertedOrUpdatedRows } = await tables
        .insertInto('idempotency_key')
        .values(row)
        .onConflict((conflict) => conflict.columns(['caller', 'key']).doNothing())
        .executeTakeFirstOrThrow()
      return numInsertedOrUpdatedRows === 1n
    },
    find: (caller, key) =>
      tables
        .selectFrom('idempotency_key')
        .select(['caller', 'key', 'operation', 'at'])
        .where('caller', '=', caller)
        .where('key', '=', key)
        .executeTakeFirst(),
    remove: async (caller, key) => {
      await tables.deleteFrom('idempotency_key').where('caller', '=', caller).where('key', '=', key).execute()
    },
    forget: async (before) => {
      await tables.deleteFrom('idempotency_key').where('at', '<', before).execute()
    },
  }
}
