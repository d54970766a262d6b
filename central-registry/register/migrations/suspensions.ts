/** Tables of suspensions with the suspension list that is served, and of the transparency log. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const suspensionMigrations: Record<string, Migration> = {
  'registry-suspensions-001': {
    up: async (kysely) => {
      await createSuspensions(kysely)
      await createTransparencyLog(kysely)
    },
  },
}

async function createSuspensions(kysely: Kysely<unknown>): Promise<void> {
  const type = columnTypes(kysely)
  let table = kysely.schema.createTable('suspension').addColumn('id', ...identity(kysely))
  for (const name of [
    'kind',
    'subject',
    'reason',
    'state',
    'suspended_at',
    'suspended_by',
    'suspended_by_name',
  ])
    table = table.addColumn(name, type.text, (column) => column.notNull())
  for (const name of ['maker', 'confirmed_at', 'confirmed_by', 'confirmed_by_name', 'escalated_at'])
    table = table.addColumn(name, type.text)
  for (const name of ['lifted_at', 'lifted_by', 'lifted_by_name']) table = table.addColumn(name, type.text)
  await table.addColumn('escalations', type.integer, (column) => column.notNull().defaultTo(0)).execute()
  const index = (name: string) => kysely.schema.createIndex(`suspension_${name}`).on('suspension')
  await index('state').columns(['state', 'kind', 'subject']).execute()
  await index('caller').columns(['suspended_by', 'suspended_at']).execute()
  // This table has one row: the list that all nodes serve.
  await kysely.schema
    .createTable('suspension_list')
    .addColumn('id', type.integer, (column) => column.primaryKey())
    .addColumn('number', type.integer, (column) => column.notNull())
    .addColumn('issued_at', type.text, (column) => column.notNull())
    .addColumn('expires_at', type.text, (column) => column.notNull())
    .addColumn('content', type.text, (column) => column.notNull())
    .execute()
}

async function createTransparencyLog(kysely: Kysely<unknown>): Promise<void> {
  const type = columnTypes(kysely)
  const table = (name: string) => kysely.schema.createTable(name)
  // The content that many leaves share is stored once.
  await table('log_content')
    .addColumn('digest', type.text, (column) => column.primaryKey())
    .addColumn('content', type.text, (column) => column.notNull())
    .execute()
  // Both are null for a leaf of which only the hash survived a restoration.
  await table('log_entry')
    .addColumn('position', type.integer, (column) => column.primaryKey())
    .addColumn('form', type.text)
    .addColumn('content', type.text, (column) => column.references('log_content.digest'))
    .execute()
  // Roots of complete subtrees; level 0 has the leaves.
  await table('log_node')
    .addColumn('level', type.integer, (column) => column.notNull())
    .addColumn('position', type.integer, (column) => column.notNull())
    .addColumn('hash', type.blob, (column) => column.notNull())
    .addPrimaryKeyConstraint('log_node_key', ['level', 'position'] as never[])
    .execute()
}
