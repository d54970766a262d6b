/**
 * The tables of rooms: an event is one row for all subscribers, and a subscription is a place in the sequence
 * of its type.
 */
import type { CreateTableBuilder, Kysely } from 'kysely'
import { columnTypes, identity } from '#platform/database/dialect.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'

export const subscriptionMigrations: Record<string, SchemaChange> = {
  'security-server-subscriptions-001': {
    async up(kysely: Kysely<unknown>) {
      const { blob } = columnTypes(kysely)
      const { schema } = kysely
      await withColumns(kysely, 'room_type', {
        texts: ['room', 'name', 'schema', 'digest', 'created_at'],
        integers: ['keep_days', 'last', 'spread', 'closed', 'octets'],
        identified: true,
      })
        .addUniqueConstraint('room_type_once', ['room', 'name'])
        .execute()
      await withColumns(kysely, 'room_event', {
        texts: ['publisher', 'event_key', 'published_at', 'expires_at', 'key_id'],
        integers: ['type', 'sequence'],
      })
        .addColumn('content', blob)
        .addPrimaryKeyConstraint('room_event_place', ['type', 'sequence'])
        .addUniqueConstraint('room_event_once', ['event_key'])
        .execute()
      await schema.createIndex('room_event_key').on('room_event').column('key_id').execute()
      await withColumns(kysely, 'room_subscription', {
        texts: [
          ...['room', 'subscriber', 'inbox', 'filters', 'contract', 'state', 'error', 'due_at'],
          ...['created_at', 'changed_at', 'claimed_by', 'claimed_until'],
        ],
        integers: ['type', 'cursor', 'given', 'filter_errors', 'reused', 'failures', 'record'],
        identified: true,
      })
        .addUniqueConstraint('room_subscription_once', ['type', 'subscriber', 'inbox'])
        .execute()
      const indexes = {
        behind: ['type', 'state', 'cursor'],
        due: ['state', 'due_at'],
        subscriber: ['subscriber', 'inbox'],
      }
      for (const [what, columns] of Object.entries(indexes))
        await schema
          .createIndex(`room_subscription_${what}`)
          .on('room_subscription')
          .columns(columns)
          .execute()
      await withColumns(kysely, 'room_pull', {
        texts: ['lane', 'leased_until'],
        integers: ['subscription', 'sequence', 'after'],
      })
        .addPrimaryKeyConstraint('room_pull_place', ['subscription', 'sequence'])
        .execute()
    },
  },
  // Who may see its parties. Of rows that were there the next look tells it; until then they are hidden.
  'security-server-subscriptions-002': {
    async up(kysely: Kysely<unknown>) {
      const { integer } = columnTypes(kysely)
      await kysely.schema.alterTable('room_subscription').addColumn('secrecy', integer).execute()
    },
  },
  'security-server-subscriptions-003': {
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      const { schema } = kysely
      await schema
        .alterTable('room_subscription')
        .addColumn('about', text, (one) => one.notNull().defaultTo(''))
        .execute()
    },
  },
  'security-server-subscriptions-004-sources': {
    // They take events of any source until they are gone.
    olderVersionsGoOn: true,
    async up(kysely: Kysely<unknown>) {
      await withColumns(kysely, 'room_source', { texts: ['room', 'source', 'publisher'], integers: ['type'] })
        .addPrimaryKeyConstraint('room_source_once', ['type', 'source'])
        .execute()
      await kysely.schema
        .createIndex('room_source_room')
        .on('room_source')
        .columns(['room', 'source'])
        .execute()
    },
  },
  // Orders to erase find an event by its record. What older versions publish has none, as what was there: it
  // goes with its days.
  'security-server-subscriptions-005-records': {
    olderVersionsGoOn: true,
    async up(kysely: Kysely<unknown>) {
      const { integer } = columnTypes(kysely)
      await kysely.schema.alterTable('room_event').addColumn('record', integer).execute()
      await kysely.schema.createIndex('room_event_record').on('room_event').column('record').execute()
    },
  },
}

function withColumns(
  kysely: Kysely<unknown>,
  name: string,
  q: { texts: string[]; integers: string[]; identified?: true },
): CreateTableBuilder<string, string> {
  const { text, integer } = columnTypes(kysely)
  let table: CreateTableBuilder<string, string> = kysely.schema.createTable(name)
  if (q.identified === true) table = table.addColumn('id', ...identity(kysely))
  for (const column of q.texts) table = table.addColumn(column, text, (one) => one.notNull())
  for (const column of q.integers) table = table.addColumn(column, integer, (one) => one.notNull())
  return table
}
