/** The tables of audit orders that this server received, with decisions and answers. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const auditOrderMigrations: Record<string, Migration> = {
  'security-server-audit-orders-001': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer } = columnTypes(kysely)
      await kysely.schema
        .createTable('audit_order')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('sha256', text, (column) => column.notNull().unique())
        .addColumn('document', text, (column) => column.notNull())
        .addColumn('authority', text, (column) => column.notNull())
        .addColumn('case_number', text, (column) => column.notNull())
        .addColumn('deadline', text, (column) => column.notNull())
        .addColumn('seed', text, (column) => column.notNull())
        .addColumn('received_at', text, (column) => column.notNull())
        .addColumn('state', text, (column) => column.notNull())
        .addColumn('decided_by', text)
        .addColumn('decided_at', text)
        .addColumn('reason', text)
        .addColumn('matched', integer)
        .addColumn('sample', text)
        .addColumn('answered_at', text)
        .addColumn('error', text)
        .execute()
    },
  },
  'security-server-audit-orders-002': {
    async up(kysely: Kysely<unknown>) {
      const { integer } = columnTypes(kysely)
      // Answers from before may count secret records, so nobody on this server sees their numbers.
      await kysely.schema
        .alterTable('audit_order')
        .addColumn('clearance', integer, (column) => column.notNull().defaultTo(2))
        .execute()
    },
  },
  'security-server-audit-orders-003': {
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      // The first of two people who must approve.
      for (const column of ['agreed_by', 'agreed_by_name', 'agreed_at'])
        await kysely.schema.alterTable('audit_order').addColumn(column, text).execute()
    },
  },
}
