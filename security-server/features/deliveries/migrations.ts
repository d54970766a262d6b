/**
 * The tables of deliveries. Waiting messages are rows: whatever waits, memory holds only what is being sent.
 * What an event says is sealed (content-keys.ts); plain are the parties, times, states, and hashes by which
 * repetitions and lanes are found.
 */
import { type Kysely, sql } from 'kysely'
import { columnTypes, identity } from '#platform/database/dialect.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'

export const deliveryMigrations: Record<string, SchemaChange> = {
  'security-server-deliveries-001': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer, blob } = columnTypes(kysely)
      const { schema } = kysely
      await schema
        .createTable('delivery_route')
        .addColumn('id', ...identity(kysely))
        .addColumn('client', text, (column) => column.notNull())
        .addColumn('service', text, (column) => column.notNull())
        .addColumn('failures', integer, (column) => column.notNull())
        .addColumn('next_at', text, (column) => column.notNull())
        .addColumn('error', text, (column) => column.notNull())
        .addColumn('receipts_after', integer, (column) => column.notNull())
        .addColumn('receipts_at', text, (column) => column.notNull())
        .addColumn('receipts_wait', integer, (column) => column.notNull())
        .addUniqueConstraint('delivery_route_once', ['client', 'service'])
        .execute()
      const boxes = [
        { name: 'outbox', of: 'route', ofType: integer },
        { name: 'inbox', of: 'service', ofType: text },
      ]
      for (const { name, of, ofType } of boxes) {
        let table = schema
          .createTable(name)
          .addColumn('position', ...identity(kysely))
          .addColumn(of, ofType, (column) => column.notNull())
        const texts = ['delivery', 'event_key', 'lane', 'state', 'due_at', 'claimed_by', 'claimed_until']
        texts.push('expires_at', 'since', 'changed_at', 'error', 'key_id')
        if (name === 'outbox') texts.push('arrived')
        else texts.push('client', 'peer')
        for (const column of texts) table = table.addColumn(column, text, (one) => one.notNull())
        for (const column of ['ready', 'attempts'])
          table = table.addColumn(column, integer, (one) => one.notNull())
        for (const column of ['first_record', 'exchange_record', 'end_record'])
          table = table.addColumn(column, integer)
        await table
          .addColumn('facts', blob, (column) => column.notNull())
          .addColumn('content', blob)
          .addUniqueConstraint(`${name}_event`, ['event_key'])
          .execute()
        const indexes = [
          ['claim', [of, 'state', 'ready', 'position']],
          ['lane', ['lane', 'state', 'position']],
          ['expiry', ['state', 'expires_at']],
          ['changed', ['state', 'changed_at']],
          ['delivery', ['delivery']],
        ] as const
        for (const [what, columns] of indexes)
          await schema
            .createIndex(`${name}_${what}`)
            .on(name)
            .columns([...columns])
            .execute()
      }
      await schema
        .createTable('inbox_receipt')
        .addColumn('client', text, (column) => column.notNull())
        .addColumn('service', text, (column) => column.notNull())
        .addColumn('position', integer, (column) => column.notNull())
        .addColumn('record', integer, (column) => column.notNull())
        .addColumn('at', text, (column) => column.notNull())
        .addPrimaryKeyConstraint('inbox_receipt_key', ['client', 'service', 'position'])
        .execute()
      await schema.createIndex('inbox_receipt_at').on('inbox_receipt').column('at').execute()
      await schema
        .createTable('delivery_key')
        .addColumn('id', text, (column) => column.primaryKey())
        .execute()
      await schema
        .createTable('inbox_receipts')
        .addColumn('client', text, (column) => column.notNull())
        .addColumn('service', text, (column) => column.notNull())
        .addColumn('last', integer, (column) => column.notNull())
        .addPrimaryKeyConstraint('inbox_receipts_key', ['client', 'service'])
        .execute()
    },
  },
  // Whether something waits for a key that is not here is asked at every look at the health.
  'security-server-deliveries-002': {
    async up({ schema }: Kysely<unknown>) {
      for (const name of ['outbox', 'inbox'])
        await schema.createIndex(`${name}_key`).on(name).columns(['state', 'key_id']).execute()
    },
  },
  // Names of rows were plain hashes. The key of the new ones is no database's: the feature names the rows
  // anew when it opens.
  'security-server-deliveries-003': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer, blob } = columnTypes(kysely)
      const { schema } = kysely
      await schema
        .createTable('delivery_name_key')
        .addColumn('one', integer, (column) => column.primaryKey())
        .addColumn('id', text, (column) => column.notNull())
        .addColumn('sealed', blob, (column) => column.notNull())
        .addColumn('key_id', text, (column) => column.notNull())
        .execute()
      for (const name of ['outbox', 'inbox'])
        await schema
          .alterTable(name)
          .addColumn('named_by', text, (column) => column.notNull().defaultTo(''))
          .execute()
      await schema
        .alterTable('delivery_key')
        .addColumn('since', text, (column) => column.notNull().defaultTo(''))
        .execute()
    },
  },
  // What waits is counted when it comes and goes: reading it all would cost more the more there is.
  'security-server-deliveries-004': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer } = columnTypes(kysely)
      await kysely.schema
        .createTable('inbox_use')
        .addColumn('service', text, (column) => column.notNull())
        .addColumn('client', text, (column) => column.notNull())
        .addColumn('events', integer, (column) => column.notNull())
        .addColumn('bytes', integer, (column) => column.notNull())
        .addPrimaryKeyConstraint('inbox_use_key', ['service', 'client'])
        .execute()
      await sql`insert into inbox_use (service, client, events, bytes)
        select service, client, count(*), sum(coalesce(length(content), 0)) from inbox
        where state in ('waiting', 'dead') group by service, client`.execute(kysely)
    },
  },
  // Who may see the parties of a row. Of rows that were there only their sealed facts tell it: they are named
  // anew for it when the feature opens, and hidden from all until then.
  'security-server-deliveries-005': {
    async up(kysely: Kysely<unknown>) {
      const { integer } = columnTypes(kysely)
      for (const name of ['outbox', 'inbox']) {
        await kysely.schema
          .alterTable(name)
          .addColumn('secrecy', integer, (column) => column.notNull().defaultTo(2))
          .execute()
        await sql`update ${sql.table(name)} set named_by = ''`.execute(kysely)
      }
    },
  },
  'security-server-deliveries-010': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer } = columnTypes(kysely)
      await kysely.schema
        .createTable('delivery_receipt_again')
        .addColumn('route', integer, (column) => column.notNull())
        .addColumn('position', integer, (column) => column.notNull())
        .addColumn('tries', integer, (column) => column.notNull())
        .addColumn('next_at', text, (column) => column.notNull())
        .addPrimaryKeyConstraint('delivery_receipt_again_key', ['route', 'position'])
        .execute()
      // For lists of one state, newest first, among millions.
      for (const name of ['outbox', 'inbox'])
        await kysely.schema.createIndex(`${name}_state`).on(name).columns(['state', 'position']).execute()
    },
  },
  // Who may know of a way. One without messages is hidden from all until the next one.
  'security-server-deliveries-011': {
    async up(kysely: Kysely<unknown>) {
      const { integer } = columnTypes(kysely)
      await kysely.schema
        .alterTable('delivery_route')
        .addColumn('secrecy', integer, (column) => column.notNull().defaultTo(2))
        .execute()
      await sql`update delivery_route set secrecy = coalesce(
        (select min(outbox.secrecy) from outbox where outbox.route = delivery_route.id), 2)`.execute(kysely)
    },
  },
  // What waits in the outbox is counted as in the inbox, when it comes and goes.
  'security-server-deliveries-012': {
    async up(kysely: Kysely<unknown>) {
      const { integer } = columnTypes(kysely)
      await kysely.schema
        .createTable('outbox_use')
        .addColumn('route', integer, (column) => column.primaryKey())
        .addColumn('events', integer, (column) => column.notNull())
        .addColumn('bytes', integer, (column) => column.notNull())
        .execute()
      await sql`insert into outbox_use (route, events, bytes)
        select route, count(*), sum(length(content)) from outbox where content is not null group by route`.execute(
        kysely,
      )
    },
  },
  // Orders to erase leave their marks for the rows of events that are on their way into an inbox.
  'security-server-deliveries-013': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer } = columnTypes(kysely)
      await kysely.schema
        .createTable('inbox_erased')
        .addColumn('record', integer, (column) => column.primaryKey())
        .addColumn('at', text, (column) => column.notNull())
        .execute()
    },
  },
  // Several orders may be given for one exchange at a time. Older versions mark for the first one alone.
  'security-server-deliveries-014': {
    olderVersionsGoOn: true,
    async up(kysely: Kysely<unknown>) {
      const { integer } = columnTypes(kysely)
      await kysely.schema
        .alterTable('inbox_erased')
        .addColumn('orders', integer, (column) => column.notNull().defaultTo(1))
        .execute()
    },
  },
}
