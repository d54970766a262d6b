/**
 * Tables of reconciliation: a row for each day, pair of members and server; the entries that a session
 * compares; and cases.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const reconciliationMigrations: Record<string, Migration> = {
  'security-server-reconciliation-001': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer, blob } = columnTypes(kysely)
      const { schema } = kysely
      await schema
        .createTable('reconciliation')
        .addColumn('id', ...identity(kysely))
        .addColumn('day', text, (column) => column.notNull())
        .addColumn('own_member', text, (column) => column.notNull())
        .addColumn('peer_member', text, (column) => column.notNull())
        .addColumn('peer_server', text, (column) => column.notNull())
        .addColumn('state', text, (column) => column.notNull())
        .addColumn('role', text, (column) => column.notNull())
        .addColumn('session', text, (column) => column.notNull())
        .addColumn('progress', text, (column) => column.notNull())
        .addColumn('statement', text, (column) => column.notNull())
        .addColumn('counts', text, (column) => column.notNull())
        .addColumn('error', text, (column) => column.notNull())
        .addColumn('attempts', integer, (column) => column.notNull())
        .addColumn('changed_at', text, (column) => column.notNull())
        .addUniqueConstraint('reconciliation_once', ['day', 'own_member', 'peer_member', 'peer_server'])
        .execute()
      await schema.createIndex('reconciliation_session').on('reconciliation').column('session').execute()
      await schema
        .createTable('reconciliation_day')
        .addColumn('day', text, (column) => column.primaryKey())
        .addColumn('planned_at', text, (column) => column.notNull())
        .execute()
      await schema
        .createTable('reconciliation_entry')
        .addColumn('session', text, (column) => column.notNull())
        .addColumn('side', text, (column) => column.notNull())
        .addColumn('key', blob, (column) => column.notNull())
        .addColumn('entry', blob, (column) => column.notNull())
        .addColumn('facts', text, (column) => column.notNull())
        .addPrimaryKeyConstraint('reconciliation_entry_key', ['session', 'side', 'key'])
        .execute()
      await schema
        .createTable('reconciliation_case')
        .addColumn('id', ...identity(kysely))
        .addColumn('reconciliation', integer, (column) => column.notNull().references('reconciliation.id'))
        .addColumn('state', text, (column) => column.notNull())
        .addColumn('request_id', text, (column) => column.notNull())
        .addColumn('finding', text, (column) => column.notNull())
        .addColumn('own_proof', text, (column) => column.notNull())
        .addColumn('peer_proof', text, (column) => column.notNull())
        .addColumn('peer_proof_holds', integer, (column) => column.notNull())
        .addColumn('note', text, (column) => column.notNull())
        .addColumn('opened_at', text, (column) => column.notNull())
        .addColumn('changed_at', text, (column) => column.notNull())
        .addColumn('changed_by', text, (column) => column.notNull())
        .execute()
      await schema
        .createIndex('reconciliation_case_state')
        .on('reconciliation_case')
        .columns(['state', 'id'])
        .execute()
    },
  },
  'security-server-reconciliation-002-assignee': {
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      await kysely.schema.alterTable('reconciliation_case').addColumn('assignee', text).execute()
    },
  },
  'security-server-reconciliation-003-secrecy': {
    async up(kysely: Kysely<unknown>) {
      const { integer } = columnTypes(kysely)
      await kysely.schema
        .alterTable('reconciliation')
        .addColumn('secrecy', integer, (column) => column.notNull().defaultTo(0))
        .execute()
    },
  },
  // A scrape counts days without an answer, among all days there have been.
  'security-server-reconciliation-004-state': {
    async up({ schema }: Kysely<unknown>) {
      await schema.createIndex('reconciliation_state').on('reconciliation').column('state').execute()
    },
  },
}
