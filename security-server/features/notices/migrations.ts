/** Tables of notices: people, their addresses and wishes, uses that are to be told, letters, counts. */
import type { Kysely } from 'kysely'
import { columnTypes } from '#platform/database/dialect.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'

export const noticeMigrations: Record<string, SchemaChange> = {
  'security-server-notices-001': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer } = columnTypes(kysely)
      const { schema } = kysely
      const table = (name: string, needed: string[], others: string[] = [], numbers: string[] = []) => {
        let builder = schema.createTable(name)
        for (const column of needed) builder = builder.addColumn(column, text, (one) => one.notNull())
        for (const column of others) builder = builder.addColumn(column, text)
        for (const column of numbers)
          builder = builder.addColumn(column, integer, (one) => one.notNull().defaultTo(0))
        return builder
      }
      const index = (name: string, of: string, columns: string[]) =>
        schema.createIndex(name).on(of).columns(columns)
      await table('notice_person', ['person', 'sealed', 'known'])
        .addPrimaryKeyConstraint('notice_person_key', ['person'] as never[])
        .execute()
      await table('notice_entry', ['entry', 'person'])
        .addPrimaryKeyConstraint('notice_entry_key', ['entry', 'person'] as never[])
        .execute()
      await index('notice_entry_person', 'notice_entry', ['person']).execute()
      await table(
        'notice_address',
        ['id', 'person', 'channel', 'sealed', 'digest', 'state', 'asked_at'],
        ['confirmed_at', 'failed_at', 'code', 'code_at'],
        ['tries'],
      )
        .addPrimaryKeyConstraint('notice_address_key', ['id'] as never[])
        .addUniqueConstraint('notice_address_of', ['person', 'channel', 'digest'] as never[])
        .execute()
      await table(
        'notice_wish',
        ['id', 'person', 'subsystem', 'address', 'mode', 'language', 'asked_at'],
        ['look_at', 'rest_until'],
        ['is_more'],
      )
        .addPrimaryKeyConstraint('notice_wish_key', ['id'] as never[])
        .addUniqueConstraint('notice_wish_of', ['subsystem', 'address'] as never[])
        .execute()
      await index('notice_wish_person', 'notice_wish', ['person']).execute()
      await index('notice_wish_look', 'notice_wish', ['look_at']).execute()
      await index('notice_wish_address', 'notice_wish', ['address']).execute()
      await table('notice_use', ['wish'], [], ['idx'])
        .addPrimaryKeyConstraint('notice_use_key', ['wish', 'idx'] as never[])
        .execute()
      await table(
        'notice_letter',
        ['id', 'address', 'wish', 'channel', 'kind', 'fields', 'state', 'created_at', 'next_at'],
        ['ended_at', 'last_error'],
        ['attempts'],
      )
        .addPrimaryKeyConstraint('notice_letter_key', ['id'] as never[])
        .execute()
      await index('notice_letter_next', 'notice_letter', ['state', 'next_at']).execute()
      await index('notice_letter_wish', 'notice_letter', ['wish']).execute()
      await table('notice_count', ['name', 'day'], [], ['count'])
        .addPrimaryKeyConstraint('notice_count_key', ['name', 'day'] as never[])
        .execute()
      await table('notice_state', ['name', 'value'])
        .addPrimaryKeyConstraint('notice_state_key', ['name'] as never[])
        .execute()
    },
  },
  'security-server-notices-002-about': {
    olderVersionsGoOn: true,
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      await kysely.schema
        .alterTable('notice_wish')
        .addColumn('about', text, (column) => column.notNull().defaultTo('uses'))
        .execute()
    },
  },
  'security-server-notices-003-counted': {
    olderVersionsGoOn: true,
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      await kysely.schema.alterTable('notice_address').addColumn('counted', text).execute()
    },
  },
}
