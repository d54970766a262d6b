/** Answers that people see first. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

const TEXTS = [
  ...['subsystem', 'person', 'client', 'service', 'contract', 'call', 'reference_hash', 'token_hash'],
  ...['answer', 'state', 'asked_at', 'valid_until', 'words', 'taken_by'],
]

export const previewMigrations: Record<string, Migration> = {
  'security-server-previews-001': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer } = columnTypes(kysely)
      const { schema } = kysely
      let table = schema.createTable('preview').addColumn('number', text, (column) => column.primaryKey())
      for (const name of TEXTS) table = table.addColumn(name, text, (column) => column.notNull())
      for (const name of ['content', 'given_at', 'decided_at', 'document', 'digest'])
        table = table.addColumn(name, text)
      await table.addColumn('minutes', integer, (column) => column.notNull()).execute()
      const index = (columns: string[]) =>
        schema.createIndex(`preview_${columns[0]}`).on('preview').columns(columns)
      for (const secret of ['reference_hash', 'token_hash']) await index([secret]).unique().execute()
      await index(['person', 'asked_at']).execute()
      // How many wait is counted before each new one, and those whose time ran out are looked for.
      await index(['state', 'valid_until', 'client']).execute()
      await index(['taken_by']).execute()
    },
  },
  'security-server-previews-002': {
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      // The document of a release outlives that it was stopped after all.
      await kysely.schema.alterTable('preview').addColumn('released', text).execute()
    },
  },
}
