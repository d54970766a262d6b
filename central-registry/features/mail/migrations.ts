/** Tables of e-mail: the addresses of members, and the outbox. */
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const mailMigrations: Record<string, Migration> = {
  'registry-mail-001': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('member_mail_address')
        .addColumn('member', type.text, (column) => column.notNull().references('member.id'))
        .addColumn('address', type.text, (column) => column.notNull())
        .addPrimaryKeyConstraint('member_mail_address_key', ['member', 'address'] as never[])
        .execute()
      let table = kysely.schema.createTable('mail_message').addColumn('id', ...identity(kysely))
      // `text` is the name of the texts in the catalogue, `fields` is JSON of the values to fill in. A
      // message is given up some time after `tried_since`.
      for (const name of ['recipient', 'text', 'fields', 'state', 'created_at', 'tried_since'])
        table = table.addColumn(name, type.text, (column) => column.notNull())
      await table
        .addColumn('attempts', type.integer, (column) => column.notNull().defaultTo(0))
        .addColumn('last_error', type.text)
        .addColumn('ended_at', type.text)
        .execute()
      await kysely.schema.createIndex('mail_message_state').on('mail_message').column('state').execute()
    },
  },
}
