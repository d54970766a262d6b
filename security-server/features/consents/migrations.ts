/**
 * Consents, the calls that were made under them, requests for consent, and the key by which people are named.
 */
import { type ColumnDefinitionBuilder, type Kysely, sql } from 'kysely'
import { columnTypes, dialectOf } from '#platform/database/dialect.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'

const TEXTS = [
  ...['subsystem', 'person', 'client', 'contract', 'demand', 'kind', 'given_at', 'valid_until'],
  ...['digest', 'document', 'agreed'],
]

const REQUEST_TEXTS = [
  ...['token_hash', 'subsystem', 'client', 'contract', 'person', 'return_url', 'asked_at', 'valid_until'],
  'state',
]

export const consentMigrations: Record<string, SchemaChange> = {
  'security-server-consents-001': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer, blob } = columnTypes(kysely)
      const { schema } = kysely
      let consent = schema.createTable('consent').addColumn('number', text, (column) => column.primaryKey())
      for (const name of TEXTS) consent = consent.addColumn(name, text, (column) => column.notNull())
      for (const name of ['presentation', 'withdrawn_at', 'last_use']) consent = consent.addColumn(name, text)
      await consent
        .addColumn('withdrawn_record', integer)
        .addColumn('uses', integer, (column) => column.notNull())
        // The stretch of time in which calls are counted, and how many it had.
        .addColumn('stretch', text, (column) => column.notNull())
        .addColumn('stretch_uses', integer, (column) => column.notNull())
        .execute()
      await schema
        .createIndex('consent_person')
        .on('consent')
        .columns(['person', 'contract', 'client', 'given_at'])
        .execute()
      await schema.createIndex('consent_contract').on('consent').columns(['subsystem', 'contract']).execute()
      const needed = (column: ColumnDefinitionBuilder) => column.notNull()
      await schema
        .createTable('consent_use')
        .addColumn('number', text, needed)
        .addColumn('time', text, needed)
        .addColumn('request_id', text, needed)
        .addColumn('message_id', text, needed)
        .addColumn('service', text, needed)
        .addPrimaryKeyConstraint('consent_use_key', ['number', 'time', 'request_id'])
        .execute()
      await schema.createIndex('consent_use_request').on('consent_use').columns(['request_id']).execute()
      let request = schema
        .createTable('consent_request')
        .addColumn('request', text, (column) => column.primaryKey())
      for (const name of REQUEST_TEXTS) request = request.addColumn(name, text, (column) => column.notNull())
      await request.addColumn('number', text).execute()
      await schema
        .createIndex('consent_request_token')
        .unique()
        .on('consent_request')
        .columns(['token_hash'])
        .execute()
      await schema
        .createTable('consent_key')
        .addColumn('one', integer, (column) => column.primaryKey())
        .addColumn('sealed', blob, (column) => column.notNull())
        .addColumn('key_id', text, (column) => column.notNull())
        .execute()
    },
  },
  'security-server-consents-002': {
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      const { schema } = kysely
      await schema.alterTable('consent').addColumn('presented', text).execute()
      // Rows without one do not meet in it.
      await schema.createIndex('consent_presented').unique().on('consent').columns(['presented']).execute()
    },
  },
  'security-server-consents-003': {
    async up({ schema }: Kysely<unknown>) {
      // How many requests of a client wait is counted before each new one.
      await schema
        .createIndex('consent_request_waiting')
        .on('consent_request')
        .columns(['client', 'state', 'valid_until'])
        .execute()
    },
  },
  'security-server-consents-004': {
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      // Calls under consents that another server keeps: here is no row of the consent that would have it.
      await kysely.schema.alterTable('consent_use').addColumn('client', text).execute()
    },
  },
  'security-server-consents-005': {
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      // Who took it back for the person.
      await kysely.schema.alterTable('consent').addColumn('withdrawn_by', text).execute()
    },
  },
  'security-server-consents-006': {
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      const { schema } = kysely
      await schema.alterTable('consent_use').addColumn('to_tell', text).execute()
      // Few at any time, among all calls.
      await schema
        .createIndex('consent_use_to_tell')
        .on('consent_use')
        .column('to_tell')
        .where(sql.ref('to_tell'), 'is not', null)
        .execute()
    },
  },
  'security-server-consents-007': {
    olderVersionsGoOn: true,
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      const { schema } = kysely
      await schema.alterTable('consent_request').addColumn('code', text).execute()
      await schema
        .createIndex('consent_request_number')
        .on('consent_request')
        .column('number')
        .where(sql.ref('code'), 'is not', null)
        .execute()
    },
  },
  'security-server-consents-008': {
    // They count in the row of the consent, which is added to.
    olderVersionsGoOn: true,
    async up(kysely: Kysely<unknown>) {
      const { text, integer } = columnTypes(kysely)
      const calls = kysely.schema
        .createTable('consent_calls')
        .addColumn('number', text, (column) => column.primaryKey())
        .addColumn('uses', integer, (column) => column.notNull())
        .addColumn('last_use', text, (column) => column.notNull())
      await (dialectOf(kysely) === 'sqlite' ? calls.modifyEnd(sql`without rowid`) : calls).execute()
    },
  },
  'security-server-consents-009': {
    olderVersionsGoOn: true,
    async up({ schema }: Kysely<unknown>) {
      // Of one-time consents a person has one for each call that ever was.
      await schema
        .createIndex('consent_standing')
        .on('consent')
        .columns(['person', 'client', 'contract'])
        .where(sql.ref('withdrawn_at'), 'is', null)
        .execute()
    },
  },
  'security-server-consents-010': {
    olderVersionsGoOn: true,
    async up({ schema }: Kysely<unknown>) {
      // Of these no person is known here. Nothing else is found by a request id any more.
      await schema
        .createIndex('consent_use_elsewhere')
        .on('consent_use')
        .columns(['request_id'])
        .where(sql.ref('client'), 'is not', null)
        .execute()
    },
  },
  'security-server-consents-011': {
    olderVersionsGoOn: true,
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      await kysely.schema
        .createTable('consent_issuers')
        .addColumn('digest', text, (column) => column.primaryKey())
        .addColumn('list', text, (column) => column.notNull())
        .addColumn('needed_until', text, (column) => column.notNull())
        .execute()
    },
  },
  'security-server-consents-012': {
    // Versions before 010 read by it. They would find the same more slowly.
    olderVersionsGoOn: true,
    async up({ schema }: Kysely<unknown>) {
      // A fifth of what a counted call costs.
      await schema.dropIndex('consent_use_request').execute()
    },
  },
}
