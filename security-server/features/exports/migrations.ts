/**
 * Exports of the message log that auditors ordered. Their files are in a folder of the node that makes them,
 * or in the database.
 */
import type { Kysely } from 'kysely'
import { columnTypes } from '#platform/database/dialect.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'
import { createStoredFileTables } from '#platform/stored-files/store.ts'

export const recordExportMigrations: Record<string, SchemaChange> = {
  'security-server-exports-001': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer } = columnTypes(kysely)
      await kysely.schema
        .createTable('record_export')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('node', text, (column) => column.notNull())
        .addColumn('ordered_by_id', text, (column) => column.notNull())
        .addColumn('ordered_by_name', text, (column) => column.notNull())
        .addColumn('ordered_at', text, (column) => column.notNull())
        .addColumn('format', text, (column) => column.notNull())
        .addColumn('filter', text, (column) => column.notNull())
        .addColumn('case_number', text)
        .addColumn('reason', text)
        .addColumn('state', text, (column) => column.notNull())
        // The tree head that the export covers. Empty until the export is done.
        .addColumn('checkpoint', text, (column) => column.notNull())
        .addColumn('size', integer, (column) => column.notNull())
        .addColumn('erased', integer, (column) => column.notNull())
        .addColumn('next_idx', integer, (column) => column.notNull())
        .addColumn('records', integer, (column) => column.notNull())
        .addColumn('bytes', integer, (column) => column.notNull())
        .addColumn('error', text)
        .addColumn('ended_at', text)
        .addColumn('expires_at', text, (column) => column.notNull())
        .execute()
    },
  },
  'security-server-exports-002-clearance': {
    async up(kysely: Kysely<unknown>) {
      const { integer } = columnTypes(kysely)
      await kysely.schema
        .alterTable('record_export')
        .addColumn('clearance', integer, (column) => column.notNull().defaultTo(0))
        .execute()
    },
  },
  // When the run that goes on began, and with which record: from these follow its rate and what remains.
  'security-server-exports-003-rate': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer } = columnTypes(kysely)
      await kysely.schema.alterTable('record_export').addColumn('run_at', text).execute()
      await kysely.schema
        .alterTable('record_export')
        .addColumn('run_from', integer, (column) => column.notNull().defaultTo(0))
        .execute()
    },
  },
  'security-server-exports-004-stored-files': {
    // Jobs of these exports are of another kind. What an older version deletes is the row alone; `unmeant`
    // finds the file.
    olderVersionsGoOn: true,
    async up(kysely: Kysely<unknown>) {
      await createStoredFileTables(kysely)
      await kysely.schema.alterTable('record_export').addColumn('stored', columnTypes(kysely).text).execute()
    },
  },
}
