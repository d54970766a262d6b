/** Tables of the registry's identity keys and of the histories of DIDs. */
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const identityMigrations: Record<string, Migration> = {
  'registry-identity-001': {
    up: async (kysely) => {
      const { text, integer, blob } = columnTypes(kysely)
      await kysely.schema
        .createTable('identity_key')
        .addColumn('name', text, (column) => column.primaryKey())
        .addColumn('public_key', text, (column) => column.notNull())
        .execute()
      let subjects = kysely.schema
        .createTable('did_subject')
        .addColumn('path', text, (column) => column.primaryKey())
        .addColumn('entries', integer, (column) => column.notNull())
        .addColumn('ended_at', text)
      for (const name of ['kind', 'subject', 'scid', 'did', 'facts', 'version_id', 'version_time'])
        subjects = subjects.addColumn(name, text, (column) => column.notNull())
      await subjects.execute()
      let entries = kysely.schema
        .createTable('did_entry')
        .addColumn('id', ...identity(kysely))
        .addColumn('number', integer, (column) => column.notNull())
      for (const name of ['path', 'version_id', 'line', 'sha256', 'at'])
        entries = entries.addColumn(name, text, (column) => column.notNull())
      await entries.execute()
      await kysely.schema
        .createIndex('did_entry_path')
        .unique()
        .on('did_entry')
        .columns(['path', 'number'])
        .execute()
      await kysely.schema
        .createTable('did_certificate')
        .addColumn('sha256', text, (column) => column.primaryKey())
        .addColumn('member', text, (column) => column.notNull())
        .addColumn('certificate', blob, (column) => column.notNull())
        .addColumn('seen_at', text, (column) => column.notNull())
        .execute()
    },
  },
  'registry-identity-002': {
    up: async (kysely) => {
      const { text, integer } = columnTypes(kysely)
      await kysely.schema.alterTable('identity_key').addColumn('lost_at', text).execute()
      await kysely.schema
        .alterTable('did_subject')
        .addColumn('next_key', integer, (column) => column.notNull().defaultTo(1))
        .execute()
    },
  },
  'registry-identity-003-replaced-keys': {
    up: async (kysely) => {
      const { text } = columnTypes(kysely)
      for (const name of ['made_at', 'accepted_until'])
        await kysely.schema.alterTable('identity_key').addColumn(name, text).execute()
    },
  },
}
