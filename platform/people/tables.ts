/** The table of people, the same on both servers. */
import type { Kysely } from 'kysely'
import { columnTypes } from '#platform/database/dialect.ts'
import type { Time, Uuid } from '#schemas/sent-values.ts'

export type PersonRow = {
  id: Uuid
  issuer: string | null
  subject: string | null
  email: string | null
  name: string
  /** Separated by commas; empty for a guest of an installation ceremony. */
  roles: string
  state: 'invited' | 'active' | 'locked' | 'removed'
  created_at: Time
  last_login_at: Time | null
}

export type PeopleTables = { person: PersonRow }

/** Creates the table, in a migration of the server. */
export async function createPersonTable(kysely: Kysely<unknown>): Promise<void> {
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
