/**
 * Tables of service contracts on a security server. A contract that was in force is never deleted, because
 * log records name it.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const serverContractMigrations: Record<string, Migration> = {
  'security-server-contracts-001': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer, blob } = columnTypes(kysely)
      const { schema } = kysely
      await schema
        .createTable('contract_list')
        .addColumn('id', integer, (column) => column.primaryKey())
        .addColumn('document', text, (column) => column.notNull())
        .execute()
      await schema
        .createTable('contract_item')
        .addColumn('sha256', text, (column) => column.primaryKey())
        .addColumn('kind', text, (column) => column.notNull())
        .addColumn('content', blob, (column) => column.notNull())
        .addColumn('was_in_force', integer, (column) => column.notNull())
        .execute()
      await schema
        .createTable('contract_agreement')
        .addColumn('member', text, (column) => column.notNull())
        .addColumn('hash', text, (column) => column.notNull())
        .addColumn('key_id', text, (column) => column.notNull())
        .addColumn('key_name', text, (column) => column.notNull())
        .addColumn('subsystems', text)
        .addColumn('agreed_at', text, (column) => column.notNull())
        .addPrimaryKeyConstraint('contract_agreement_key', ['member', 'hash'])
        .execute()
    },
  },
  'security-server-contracts-002': {
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      await kysely.schema
        .createTable('contract_ending')
        .addColumn('member', text, (column) => column.notNull())
        .addColumn('hash', text, (column) => column.notNull())
        .addColumn('key_id', text, (column) => column.notNull())
        .addColumn('key_name', text, (column) => column.notNull())
        .addColumn('reason', text, (column) => column.notNull())
        .addColumn('agreed_at', text, (column) => column.notNull())
        .addPrimaryKeyConstraint('contract_ending_key', ['member', 'hash'])
        .execute()
    },
  },
}
