/** Tables of audit orders: each signed order, and for each server that it names the seed and the answer. */
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const auditOrderMigrations: Record<string, Migration> = {
  'registry-audit-orders-001': {
    up: async (kysely) => {
      const { text, integer } = columnTypes(kysely)
      await kysely.schema
        .createTable('audit_order')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('sha256', text, (column) => column.notNull())
        .addColumn('document', text, (column) => column.notNull())
        .addColumn('authority', text, (column) => column.notNull())
        .addColumn('case_number', text, (column) => column.notNull())
        .addColumn('deadline', text, (column) => column.notNull())
        .addColumn('received_at', text, (column) => column.notNull())
        .addColumn('received_by', text, (column) => column.notNull())
        .execute()
      await kysely.schema
        .createTable('audit_order_server')
        .addColumn('order_id', text, (column) => column.notNull().references('audit_order.id'))
        .addColumn('server', text, (column) => column.notNull())
        // The checkpoint from which the sample is drawn; null until the witness cosigns one.
        .addColumn('seed', text)
        .addColumn('outcome', text)
        .addColumn('reason', text)
        .addColumn('matched', integer)
        .addColumn('answer', text)
        .addColumn('answered_at', text)
        .addPrimaryKeyConstraint('audit_order_server_key', ['order_id', 'server'])
        .execute()
      await kysely.schema
        .createIndex('audit_order_server_open')
        .on('audit_order_server')
        .columns(['server', 'outcome'])
        .execute()
    },
  },
}
