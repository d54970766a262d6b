/**
 * Tables of the fleet: the last report and probe of each server, its troubles, its certificates, outages,
 * counts of exchanges.
 */
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const fleetMigrations: Record<string, Migration> = {
  'registry-fleet-001': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      const table = (name: string) => kysely.schema.createTable(name)
      await table('fleet_server')
        .addColumn('server', type.text, (column) => column.primaryKey())
        .addColumn('worst', type.integer, (column) => column.notNull())
        .addColumn('created_at', type.text)
        .addColumn('reported_at', type.text)
        .addColumn('version', type.text)
        .addColumn('report', type.text)
        .addColumn('probed_at', type.text)
        .addColumn('probe', type.text)
        .execute()
      await kysely.schema
        .createIndex('fleet_server_reported_at')
        .on('fleet_server')
        .column('reported_at')
        .execute()
      await table('fleet_trouble')
        .addColumn('id', ...identity(kysely))
        .addColumn('server', type.text, (column) => column.notNull())
        .addColumn('kind', type.text, (column) => column.notNull())
        .addColumn('severity', type.integer, (column) => column.notNull())
        .addColumn('message', type.text, (column) => column.notNull())
        .addColumn('since', type.text, (column) => column.notNull())
        .addColumn('until', type.text)
        .execute()
      await kysely.schema
        .createIndex('fleet_trouble_server_until')
        .on('fleet_trouble')
        .columns(['server', 'until'])
        .execute()
      await table('fleet_certificate')
        .addColumn('server', type.text, (column) => column.notNull())
        .addColumn('sha256', type.text, (column) => column.notNull())
        .addColumn('usage', type.text, (column) => column.notNull())
        .addColumn('member', type.text)
        .addColumn('authority', type.text)
        .addColumn('not_after', type.text, (column) => column.notNull())
        .addPrimaryKeyConstraint('fleet_certificate_key', ['server', 'sha256'] as never[])
        .execute()
      await table('outage')
        .addColumn('id', ...identity(kysely))
        .addColumn('message', type.text, (column) => column.notNull())
        .addColumn('starts_at', type.text, (column) => column.notNull())
        .addColumn('ends_at', type.text, (column) => column.notNull())
        // JSON lists; if both are empty, the outage concerns everybody.
        .addColumn('member_classes', type.text, (column) => column.notNull())
        .addColumn('servers', type.text, (column) => column.notNull())
        .addColumn('created_at', type.text, (column) => column.notNull())
        .addColumn('created_by', type.text, (column) => column.notNull())
        .addColumn('ended_at', type.text)
        .addColumn('ended_by', type.text)
        .execute()
      await kysely.schema.createIndex('outage_ends_at').on('outage').column('ends_at').execute()
    },
  },
  'registry-fleet-002': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      const outcomes = ['answered', 'failed', 'refused'] as const
      let day = kysely.schema
        .createTable('call_day')
        .addColumn('server', type.text, (column) => column.notNull())
        .addColumn('day', type.text, (column) => column.notNull())
        .addColumn('settled', type.integer, (column) => column.notNull())
        .addColumn('created_at', type.text, (column) => column.notNull())
      let count = kysely.schema
        .createTable('call_count')
        .addColumn('id', ...identity(kysely))
        .addColumn('server', type.text, (column) => column.notNull())
        .addColumn('day', type.text, (column) => column.notNull())
        .addColumn('side', type.text, (column) => column.notNull())
        .addColumn('consumer', type.text, (column) => column.notNull())
        .addColumn('provider', type.text, (column) => column.notNull())
        .addColumn('service', type.text, (column) => column.notNull())
      for (const outcome of outcomes) {
        day = day.addColumn(outcome, type.integer, (column) => column.notNull())
        count = count.addColumn(outcome, type.integer, (column) => column.notNull())
      }
      await day.addPrimaryKeyConstraint('call_day_key', ['server', 'day'] as never[]).execute()
      await count.execute()
      for (const columns of [['server', 'day'], ['consumer', 'day'], ['provider', 'day'], ['day']])
        await kysely.schema
          .createIndex(`call_count_${columns.join('_')}`)
          .on('call_count')
          .columns(columns)
          .execute()
    },
  },
}
