/** The registry's tables of people and the installation ceremony. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'
import { createPersonTable } from '#platform/people/tables.ts'

export const installationMigrations: Record<string, Migration> = {
  'registry-people-001': {
    up: async (kysely) => {
      await createPersonTable(kysely)
      await createInstallation(kysely)
    },
  },
  'registry-people-003': {
    up: async (kysely) => {
      // Null for the codes of the first two administrators, which do not expire.
      await kysely.schema
        .alterTable('installation_code')
        .addColumn('expires_at', columnTypes(kysely).text)
        .execute()
    },
  },
}

async function createInstallation(kysely: Kysely<unknown>): Promise<void> {
  const type = columnTypes(kysely)
  await kysely.schema
    .createTable('installation_code')
    .addColumn('number', type.integer, (column) => column.primaryKey())
    .addColumn('digest', type.blob, (column) => column.notNull())
    .addColumn('tries', type.integer, (column) => column.notNull())
    .addColumn('redeemed_by', type.text, (column) => column.references('person.id'))
    .addColumn('redeemed_at', type.text)
    .execute()
}
