/**
 * Adds kinds of transparency log entries that are no configuration: the audit log's head, and events of
 * contracts.
 */
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const logEntryKinds: Record<string, Migration> = {
  'registry-transparency-log-002-kinds': {
    up: async (kysely) => {
      const { text, integer } = columnTypes(kysely)
      await kysely.schema
        .alterTable('log_entry')
        .addColumn('kind', text, (column) => column.notNull().defaultTo('configuration'))
        .execute()
      await kysely.schema.alterTable('log_entry').addColumn('reference', integer).execute()
      await kysely.schema
        .createIndex('log_entry_reference')
        .on('log_entry')
        .columns(['kind', 'reference'])
        .execute()
    },
  },
}
