/**
 * Tables of the catalogue: when each subsystem was asked, the services that it offers, their descriptions and
 * changes, and for whom each is told.
 */
import type { Kysely } from 'kysely'
import { columnTypes, identity } from '#platform/database/dialect.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'
import { audienceOf } from './audience-store.ts'
import type { Access } from './read-answers.ts'
import type { Tables } from './tables.ts'

export const catalogueMigrations: Record<string, SchemaChange> = {
  'registry-catalogue-001': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      const table = (name: string) => kysely.schema.createTable(name)
      await table('catalogue_subsystem')
        .addColumn('subsystem', type.text, (column) => column.primaryKey())
        .addColumn('next_at', type.text, (column) => column.notNull())
        .addColumn('asked_at', type.text, (column) => column.notNull())
        .addColumn('answered_at', type.text)
        .addColumn('failure', type.text)
        .execute()
      let services = table('catalogue_service')
        .addColumn('id', type.text, (column) => column.primaryKey())
        .addColumn('document', type.text)
      const texts = ['provider', 'service_code', 'type', 'endpoints', 'title', 'description', 'version']
      for (const name of [...texts, 'contact', 'access', 'status', 'search', 'first_seen', 'last_seen'])
        services = services.addColumn(name, type.text, (column) => column.notNull())
      await services.addColumn('changed_at', type.text, (column) => column.notNull()).execute()
      const index = (on: string, column: string) =>
        kysely.schema.createIndex(`${on}_${column}`).on(on).column(column).execute()
      await index('catalogue_service', 'provider')
      await index('catalogue_service', 'document')
      await table('catalogue_document')
        .addColumn('sha256', type.text, (column) => column.primaryKey())
        .addColumn('content', type.blob, (column) => column.notNull())
        .execute()
      await table('catalogue_change')
        .addColumn('id', ...identity(kysely))
        .addColumn('service', type.text, (column) => column.notNull())
        .addColumn('at', type.text, (column) => column.notNull())
        .addColumn('what', type.text, (column) => column.notNull())
        .addColumn('before', type.text)
        .addColumn('after', type.text)
        .execute()
      await index('catalogue_change', 'service')
    },
  },
  'registry-catalogue-002-audiences': {
    // An older version that goes on writes no audiences: of a service that it finds, or whose access it finds
    // changed, no server is told until this version has asked again (`audience_access`).
    olderVersionsGoOn: true,
    up: async (kysely) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('catalogue_audience')
        .addColumn('service', type.text, (column) => column.notNull())
        .addColumn('kind', type.text, (column) => column.notNull())
        .addColumn('code', type.text, (column) => column.notNull())
        .addPrimaryKeyConstraint('catalogue_audience_key', ['service', 'kind', 'code'])
        .execute()
      // Questions of servers look for the services of their classes and groups.
      await kysely.schema
        .createIndex('catalogue_audience_code')
        .on('catalogue_audience')
        .columns(['kind', 'code', 'service'])
        .execute()
      await kysely.schema.alterTable('catalogue_service').addColumn('audience_access', type.text).execute()
      await fillAudiences(kysely as Kysely<Tables>)
    },
  },
}

/** For the services that the catalogue has already. */
async function fillAudiences(kysely: Kysely<Tables>): Promise<void> {
  const AT_ONCE = 500
  let after = ''
  for (;;) {
    const rows = await kysely
      .selectFrom('catalogue_service')
      .select(['id', 'access'])
      .where('id', '>', after)
      .orderBy('id')
      .limit(AT_ONCE)
      .execute()
    for (const { id, access } of rows) {
      const audience = audienceOf(id, JSON.parse(access) as Access)
      if (audience.length > 0) await kysely.insertInto('catalogue_audience').values(audience).execute()
    }
    if (rows.length < AT_ONCE) break
    after = rows.at(-1)!.id
  }
  await kysely
    .updateTable('catalogue_service')
    .set(({ ref }) => ({ audience_access: ref('access') }))
    .execute()
}
