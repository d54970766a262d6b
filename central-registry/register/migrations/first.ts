/**
 * The registry's tables, first version. Identifiers are in their text form; times are ISO texts, certificates
 * DER.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const firstMigrations: Record<string, Migration> = {
  'registry-001': {
    up: async (kysely) => {
      await createMembers(kysely)
      await createServers(kysely)
      await createTrustServices(kysely)
      await createConfiguration(kysely)
    },
  },
}

async function createMembers(kysely: Kysely<unknown>): Promise<void> {
  const type = columnTypes(kysely)
  const table = (name: string) => kysely.schema.createTable(name)
  await table('system_parameter')
    .addColumn('name', type.text, (column) => column.primaryKey())
    .addColumn('value', type.text, (column) => column.notNull())
    .execute()
  await table('member_class')
    .addColumn('code', type.text, (column) => column.primaryKey())
    .addColumn('description', type.text, (column) => column.notNull())
    .execute()
  await table('member')
    .addColumn('id', type.text, (column) => column.primaryKey())
    .addColumn('member_class', type.text, (column) => column.notNull().references('member_class.code'))
    .addColumn('name', type.text, (column) => column.notNull())
    .addColumn('created_at', type.text, (column) => column.notNull())
    .execute()
  await table('subsystem')
    .addColumn('id', type.text, (column) => column.primaryKey())
    .addColumn('member', type.text, (column) => column.notNull().references('member.id'))
    .addColumn('name', type.text, (column) => column.notNull())
    .addColumn('created_at', type.text, (column) => column.notNull())
    .execute()
  await kysely.schema.createIndex('subsystem_member').on('subsystem').column('member').execute()
  await table('global_group')
    .addColumn('code', type.text, (column) => column.primaryKey())
    .addColumn('description', type.text, (column) => column.notNull())
    .execute()
  await table('global_group_member')
    .addColumn('group_code', type.text, (column) => column.notNull().references('global_group.code'))
    // A member's or a subsystem's id; as there is no single table to refer to, the store checks it.
    .addColumn('client', type.text, (column) => column.notNull())
    .addPrimaryKeyConstraint('global_group_member_key', ['group_code', 'client'] as never[])
    .execute()
  await kysely.schema
    .createIndex('global_group_member_client')
    .on('global_group_member')
    .column('client')
    .execute()
}

async function createServers(kysely: Kysely<unknown>): Promise<void> {
  const type = columnTypes(kysely)
  const table = (name: string) => kysely.schema.createTable(name)
  await table('security_server')
    .addColumn('id', type.text, (column) => column.primaryKey())
    .addColumn('owner', type.text, (column) => column.notNull().references('member.id'))
    .addColumn('address', type.text, (column) => column.notNull())
    .addColumn('created_at', type.text, (column) => column.notNull())
    .execute()
  await kysely.schema.createIndex('security_server_owner').on('security_server').column('owner').execute()
  await table('authentication_certificate')
    .addColumn('sha256', type.text, (column) => column.primaryKey())
    .addColumn('server', type.text, (column) => column.notNull().references('security_server.id'))
    .addColumn('certificate', type.blob, (column) => column.notNull())
    .addColumn('created_at', type.text, (column) => column.notNull())
    .execute()
  await kysely.schema
    .createIndex('authentication_certificate_server')
    .on('authentication_certificate')
    .column('server')
    .execute()
  await table('server_client')
    .addColumn('server', type.text, (column) => column.notNull().references('security_server.id'))
    // A member's or a subsystem's id; as there is no single table to refer to, the store checks it.
    .addColumn('client', type.text, (column) => column.notNull())
    .addPrimaryKeyConstraint('server_client_key', ['server', 'client'] as never[])
    .execute()
  await kysely.schema.createIndex('server_client_client').on('server_client').column('client').execute()
}

async function createTrustServices(kysely: Kysely<unknown>): Promise<void> {
  const type = columnTypes(kysely)
  const table = (name: string) => kysely.schema.createTable(name)
  await table('certification_service')
    .addColumn('id', ...identity(kysely))
    .addColumn('name', type.text, (column) => column.notNull())
    .addColumn('profile', type.text, (column) => column.notNull())
    .addColumn('authentication_only', type.integer, (column) => column.notNull())
    .addColumn('created_at', type.text, (column) => column.notNull())
    .execute()
  const service = identity(kysely)[0]
  await table('certification_authority')
    .addColumn('sha256', type.text, (column) => column.primaryKey())
    .addColumn('service', service, (column) => column.notNull().references('certification_service.id'))
    .addColumn('is_top', type.integer, (column) => column.notNull())
    .addColumn('certificate', type.blob, (column) => column.notNull())
    .execute()
  await table('ocsp_responder')
    .addColumn('id', ...identity(kysely))
    .addColumn('authority', type.text, (column) =>
      column.notNull().references('certification_authority.sha256'),
    )
    .addColumn('url', type.text, (column) => column.notNull())
    .addColumn('certificate', type.blob)
    .execute()
  await table('timestamping_service')
    .addColumn('id', ...identity(kysely))
    .addColumn('name', type.text, (column) => column.notNull())
    .addColumn('url', type.text, (column) => column.notNull().unique())
    .addColumn('certificate', type.blob, (column) => column.notNull())
    .execute()
}

async function createConfiguration(kysely: Kysely<unknown>): Promise<void> {
  const type = columnTypes(kysely)
  const table = (name: string) => kysely.schema.createTable(name)
  // The signing keys and which one signs. The private keys are in files.
  await table('signing_key')
    .addColumn('id', type.text, (column) => column.primaryKey())
    .addColumn('certificate', type.blob, (column) => column.notNull())
    .addColumn('is_active', type.integer, (column) => column.notNull())
    .addColumn('created_at', type.text, (column) => column.notNull())
    .execute()
  await table('publication')
    .addColumn('configuration_index', type.integer, (column) => column.primaryKey())
    .addColumn('generated_at', type.text, (column) => column.notNull())
    .addColumn('expires_at', type.text, (column) => column.notNull())
    .execute()
  // Each content is stored once, because most publications have the same content as the one before.
  await table('published_content')
    .addColumn('digest', type.text, (column) => column.primaryKey())
    .addColumn('content', type.blob, (column) => column.notNull())
    .execute()
  await table('published_file')
    .addColumn('path', type.text, (column) => column.primaryKey())
    .addColumn('configuration_index', type.integer, (column) => column.notNull())
    .addColumn('content_type', type.text, (column) => column.notNull())
    .addColumn('digest', type.text, (column) => column.notNull().references('published_content.digest'))
    .execute()
  await kysely.schema.createIndex('published_file_digest').on('published_file').column('digest').execute()
}
