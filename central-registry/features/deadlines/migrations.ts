/** Who was told of what ends, shared by all nodes of a registry. */
import { columnTypes } from '#platform/database/dialect.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'
import type { Whole } from '#schemas/sent-values.ts'

export type DeadlineTables = {
  deadline_told: { thing: string; threshold: Whole; recipient: string; at: string }
}

export const deadlineMigrations: Record<string, SchemaChange> = {
  'registry-deadlines-001': {
    olderVersionsGoOn: true,
    up: async (kysely) => {
      const { text, integer } = columnTypes(kysely)
      await kysely.schema
        .createTable('deadline_told')
        .addColumn('thing', text, (column) => column.notNull())
        .addColumn('threshold', integer, (column) => column.notNull())
        .addColumn('recipient', text, (column) => column.notNull())
        .addColumn('at', text, (column) => column.notNull())
        // What makes sure that two nodes, or two starts, make one letter.
        .addPrimaryKeyConstraint('deadline_told_key', ['thing', 'threshold', 'recipient'] as never[])
        .execute()
    },
  },
}
