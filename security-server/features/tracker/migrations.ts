/**
 * Uses that are withheld for a time, and services whose uses are told in general terms or have words of their
 * own.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const trackerMigrations: Record<string, Migration> = {
  'security-server-tracker-001': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer } = columnTypes(kysely)
      const { schema } = kysely
      let exception = schema
        .createTable('tracker_exception')
        .addColumn('id', text, (column) => column.primaryKey())
      for (const name of [
        'subsystem',
        'scope',
        'target',
        'ground',
        'owner',
        'set_by',
        'agreed_by',
        'set_at',
        'ends_at',
      ])
        exception = exception.addColumn(name, text, (column) => column.notNull())
      for (const name of ['message_id', 'ended_at', 'ended_by']) exception = exception.addColumn(name, text)
      await exception.execute()
      await schema
        .createIndex('tracker_exception_subsystem')
        .on('tracker_exception')
        .columns(['subsystem', 'ends_at'])
        .execute()
      await schema
        .createTable('tracker_service')
        .addColumn('service', text, (column) => column.notNull())
        .addColumn('subsystem', text, (column) => column.notNull())
        .addColumn('is_general', integer, (column) => column.notNull())
        .addColumn('words', text, (column) => column.notNull())
        .addPrimaryKeyConstraint('tracker_service_key', ['subsystem', 'service'])
        .execute()
    },
  },
}
