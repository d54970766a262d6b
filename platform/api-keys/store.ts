/**
 * Rows of API keys. They contain only the digest of the secret, so a copy of the database gives no access.
 */
import type { Kysely, SelectQueryBuilder } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, lockFor } from '#platform/database/dialect.ts'
import { counted, type Page, textContains } from '#platform/database/lists.ts'
import type { Within } from '#platform/database/open-database.ts'
import { inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Time, Uuid, Whole } from '#schemas/sent-values.ts'

export type ApiKeyRow = {
  id: Uuid
  name: string
  roles: string
  digest: Buffer
  created_at: Time
  expires_at: Time | null
  revoked_at: Time | null
  /** The person or key that made it; null for the operator on the command line. */
  created_by: string | null
  /** 0 until the secret was shown, then 1. */
  issued: Whole
  /** The addresses from which it is accepted, in the form of from-addresses.ts; null: from everywhere. */
  addresses: string | null
  /** UUID: in X-Road's form, or to be shown in it; null for our own. */
  form: string | null
}

export type ApiKeyTables = { api_key: ApiKeyRow }

export const apiKeyMigrations: Record<string, Migration> = {
  'api-keys-001': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('api_key')
        .addColumn('id', type.text, (column) => column.primaryKey())
        .addColumn('name', type.text, (column) => column.notNull())
        .addColumn('roles', type.text, (column) => column.notNull())
        .addColumn('digest', type.blob, (column) => column.notNull())
        .addColumn('created_at', type.text, (column) => column.notNull())
        .addColumn('expires_at', type.text)
        .addColumn('revoked_at', type.text)
        .execute()
    },
  },
  'api-keys-002': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema.alterTable('api_key').addColumn('created_by', type.text).execute()
      await kysely.schema
        .alterTable('api_key')
        .addColumn('issued', type.integer, (column) => column.notNull().defaultTo(1))
        .execute()
    },
  },
  'api-keys-003': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema.alterTable('api_key').addColumn('addresses', type.text).execute()
    },
  },
  // A key in X-Road's form names no row: it is found by its digest.
  'api-keys-004-form': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema.alterTable('api_key').addColumn('form', type.text).execute()
      await kysely.schema.createIndex('api_key_digest').on('api_key').column('digest').execute()
    },
  },
}

const COLUMNS = [
  ...(['id', 'name', 'roles', 'digest', 'created_at', 'expires_at', 'revoked_at'] as const),
  ...(['created_by', 'issued', 'addresses', 'form'] as const),
] as const

type ApiKeyStore = {
  insert(row: ApiKeyRow): Promise<void>
  /**
   * Inserts the row if there is none, with `record` in the same transaction, and nobody else meanwhile.
   * Returns whether it is there then.
   */
  insertFirst(row: ApiKeyRow, record: (within: Within) => Promise<unknown>): Promise<boolean>
  find(id: string): Promise<ApiKeyRow | undefined>
  findByDigest(digest: Buffer): Promise<ApiKeyRow | undefined>
  /** All keys if there is no page, the oldest first. */
  list(page?: Page): Promise<ApiKeyRow[]>
  count(q: Pick<Page, 'q'>): Promise<number>
  /** Keys that are not revoked and end between these times, the soonest first. */
  ending(q: { after: string; before: string; limit: number }): Promise<ApiKeyRow[]>
  /** False if this maker has no such key whose secret was not shown yet. */
  issue(id: string, createdBy: string, digest: Buffer): Promise<boolean>
  /** False if there is no such key, or it was revoked before. */
  revoke(id: string, at: string): Promise<boolean>
}

export function createApiKeyStore(database: { kysely: Within }): ApiKeyStore {
  const tables = tablesOf<ApiKeyTables>(database)
  return {
    insert: async (row) => {
      await tables.insertInto('api_key').values(row).execute()
    },
    insertFirst: (row, record) =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'first-api-key')
        const there = await transaction.selectFrom('api_key').select('id').execute()
        if (there.length > 0) return there.some(({ id }) => id === row.id)
        await record(transaction)
        await transaction.insertInto('api_key').values(row).execute()
        return true
      }),
    find: (id) => tables.selectFrom('api_key').select(COLUMNS).where('id', '=', id).executeTakeFirst(),
    findByDigest: (digest) =>
      tables.selectFrom('api_key').select(COLUMNS).where('digest', '=', digest).executeTakeFirst(),
    list: (page) => {
      const all = tables.selectFrom('api_key').select(COLUMNS).orderBy('created_at').orderBy('id')
      if (page === undefined) return all.execute()
      return found(all, page.q).limit(page.limit).offset(page.offset).execute()
    },
    count: ({ q }) => counted(found(tables.selectFrom('api_key'), q)),
    ending: ({ after, before, limit }) =>
      tables
        .selectFrom('api_key')
        .select(COLUMNS)
        .where('revoked_at', 'is', null)
        .where('expires_at', '>=', after)
        .where('expires_at', '<', before)
        .orderBy('expires_at')
        .limit(limit)
        .execute(),
    issue: async (id, createdBy, digest) => {
      const { numUpdatedRows } = await tables
        .updateTable('api_key')
        .set({ digest, issued: 1 })
        .where('id', '=', id)
        .where('created_by', '=', createdBy)
        .where('issued', '=', 0)
        .where('revoked_at', 'is', null)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
    revoke: async (id, at) => {
      const update = tables.updateTable('api_key').set({ revoked_at: at }).where('id', '=', id)
      const { numUpdatedRows } = await update.where('revoked_at', 'is', null).executeTakeFirst()
      return numUpdatedRows === 1n
    },
  }
}

/** Keys whose id, name, roles or addresses contain `part`. */
function found<Row>(
  query: SelectQueryBuilder<ApiKeyTables, 'api_key', Row>,
  part: string | undefined,
): SelectQueryBuilder<ApiKeyTables, 'api_key', Row> {
  if (part === undefined || part === '') return query
  return query.where((where) =>
    where.or(['id', 'name', 'roles', 'addresses'].map((column) => textContains(column, part))),
  )
}
