/** The registry's tables of people, the installation ceremony and proposals. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const peopleMigrations: Record<string, Migration> = {
  'registry-people-001': {
    up: async (kysely) => {
      await createPeople(kysely)
      await createInstallation(kysely)
    },
  },
}

async function createPeople(kysely: Kysely<unknown>): Promise<void> {
  const type = columnTypes(kysely)
  await kysely.schema
    .createTable('person')
    .addColumn('id', type.text, (column) => column.primaryKey())
    // Both are null until an invitation by e-mail is accepted.
    .addColumn('issuer', type.text)
    .addColumn('subject', type.text)
    .addColumn('email', type.text, (column) => column.unique())
    .addColumn('name', type.text, (column) => column.notNull())
    .addColumn('roles', type.text, (column) => column.notNull())
    .addColumn('state', type.text, (column) => column.notNull())
    .addColumn('created_at', type.text, (column) => column.notNull())
    .addColumn('last_login_at', type.text)
    .addUniqueConstraint('person_subject', ['issuer', 'subject'] as never[])
    .execute()
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
