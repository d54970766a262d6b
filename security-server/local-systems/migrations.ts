/**
 * The tables of local systems. Deleting a client deletes everything that belongs to it. The rights to a whole
 * service belong to its base endpoint.
 */
import type { Kysely } from 'kysely'
import { columnTypes, identity } from '#platform/database/dialect.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'

export const localSystemsMigrations: Record<string, SchemaChange> = {
  'security-server-001-local-systems': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer, blob } = columnTypes(kysely)
      const { schema } = kysely
      await schema
        .createTable('local_client')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('authentication_mode', text, (column) => column.notNull())
        .addColumn('created_at', text, (column) => column.notNull())
        .execute()
      await schema
        .createTable('local_client_certificate')
        .addColumn('client', text, (column) =>
          column.notNull().references('local_client.id').onDelete('cascade'),
        )
        .addColumn('sha256', text, (column) => column.notNull())
        .addColumn('der', blob, (column) => column.notNull())
        .addColumn('not_before', text, (column) => column.notNull())
        .addColumn('not_after', text, (column) => column.notNull())
        .addPrimaryKeyConstraint('local_client_certificate_key', ['client', 'sha256'])
        .execute()
      await schema
        .createTable('service_description')
        .addColumn('id', ...identity(kysely))
        .addColumn('client', text, (column) =>
          column.notNull().references('local_client.id').onDelete('cascade'),
        )
        .addColumn('type', text, (column) => column.notNull())
        .addColumn('url', text, (column) => column.notNull())
        .addColumn('disabled', integer, (column) => column.notNull())
        .addColumn('disabled_notice', text, (column) => column.notNull())
        .addColumn('document', text, (column) => column.notNull())
        .addColumn('published', text, (column) => column.notNull())
        .addColumn('updated_at', text, (column) => column.notNull())
        .execute()
      await schema
        .createTable('service')
        .addColumn('id', ...identity(kysely))
        .addColumn('description', integer, (column) =>
          column.notNull().references('service_description.id').onDelete('cascade'),
        )
        .addColumn('client', text, (column) => column.notNull())
        .addColumn('code', text, (column) => column.notNull())
        .addColumn('url', text, (column) => column.notNull())
        .addColumn('timeout_ms', integer, (column) => column.notNull())
        .addColumn('verify_tls', integer, (column) => column.notNull())
        .addColumn('allow_encoded_slash', integer, (column) => column.notNull())
        .addUniqueConstraint('service_code', ['client', 'code'])
        .execute()
      await schema
        .createTable('service_certificate')
        .addColumn('service', integer, (column) =>
          column.notNull().references('service.id').onDelete('cascade'),
        )
        .addColumn('sha256', text, (column) => column.notNull())
        .addColumn('der', blob, (column) => column.notNull())
        .addPrimaryKeyConstraint('service_certificate_key', ['service', 'sha256'])
        .execute()
      await schema
        .createTable('endpoint')
        .addColumn('id', ...identity(kysely))
        .addColumn('service', integer, (column) =>
          column.notNull().references('service.id').onDelete('cascade'),
        )
        .addColumn('method', text, (column) => column.notNull())
        .addColumn('path', text, (column) => column.notNull())
        .addColumn('origin', integer, (column) => column.notNull())
        .addUniqueConstraint('endpoint_of_service', ['service', 'method', 'path'])
        .execute()
      await schema
        .createTable('access_right')
        .addColumn('id', ...identity(kysely))
        .addColumn('endpoint', integer, (column) =>
          column.notNull().references('endpoint.id').onDelete('cascade'),
        )
        .addColumn('subject_type', text, (column) => column.notNull())
        .addColumn('subject', text, (column) => column.notNull())
        .addColumn('created_at', text, (column) => column.notNull())
        .addUniqueConstraint('access_right_once', ['endpoint', 'subject_type', 'subject'])
        .execute()
      await schema
        .createTable('local_group')
        .addColumn('id', ...identity(kysely))
        .addColumn('client', text, (column) =>
          column.notNull().references('local_client.id').onDelete('cascade'),
        )
        .addColumn('code', text, (column) => column.notNull())
        .addColumn('description', text, (column) => column.notNull())
        .addUniqueConstraint('local_group_code', ['client', 'code'])
        .execute()
      await schema
        .createTable('local_group_member')
        .addColumn('local_group', integer, (column) =>
          column.notNull().references('local_group.id').onDelete('cascade'),
        )
        .addColumn('member', text, (column) => column.notNull())
        .addPrimaryKeyConstraint('local_group_member_key', ['local_group', 'member'])
        .execute()
      await schema
        .createTable('local_change')
        .addColumn('id', integer, (column) => column.primaryKey())
        .addColumn('counter', integer, (column) => column.notNull())
        .execute()
      const seeded = kysely as Kysely<{ local_change: { id: number; counter: number } }>
      await seeded.insertInto('local_change').values({ id: 1, counter: 0 }).execute()
    },
  },
  'security-server-002-local-systems': {
    async up(kysely: Kysely<unknown>) {
      const { integer } = columnTypes(kysely)
      await kysely.schema
        .alterTable('service')
        .addColumn('max_concurrent_calls', integer, (column) => column.notNull().defaultTo(0))
        .execute()
    },
  },
  'security-server-003-local-systems': {
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      await kysely.schema
        .alterTable('service')
        .addColumn('validate', text, (column) => column.notNull().defaultTo('NONE'))
        .execute()
    },
  },
  'security-server-004-local-systems': {
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      for (const column of ['standing', 'asked'])
        await kysely.schema
          .alterTable('local_client')
          .addColumn(column, text, (of) => of.notNull().defaultTo(''))
          .execute()
    },
  },
  'security-server-005-local-systems': {
    olderVersionsGoOn: true,
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      await kysely.schema
        .alterTable('service_description')
        .addColumn('parts', text, (column) => column.notNull().defaultTo('[]'))
        .execute()
    },
  },
  'security-server-006-local-systems': {
    olderVersionsGoOn: true,
    async up(kysely: Kysely<unknown>) {
      const { integer } = columnTypes(kysely)
      await kysely.schema
        .alterTable('local_client')
        .addColumn('asked_request', integer, (column) => column.notNull().defaultTo(0))
        .execute()
    },
  },
}
