/** The tables of contracts' quotas: one bucket a contract, and how many calls each day of UTC had. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const contractQuotaMigrations: Record<string, Migration> = {
  'security-server-contract-quotas-001': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer } = columnTypes(kysely)
      await kysely.schema
        .createTable('contract_quota')
        .addColumn('contract', text, (column) => column.primaryKey())
        .addColumn('tokens', integer, (column) => column.notNull())
        .addColumn('filled_at', integer, (column) => column.notNull())
        .execute()
      await kysely.schema
        .createTable('contract_quota_day')
        .addColumn('contract', text, (column) => column.notNull())
        .addColumn('day', text, (column) => column.notNull())
        .addColumn('used', integer, (column) => column.notNull())
        .addColumn('refused', integer, (column) => column.notNull())
        .addPrimaryKeyConstraint('contract_quota_day_key', ['contract', 'day'])
        .execute()
    },
  },
}
