/** What contracts say of each record that they cover, where searches and retention look for it. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const secrecy: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { integer } = columnTypes(kysely)
    await kysely.schema.alterTable('search').addColumn('keep_days', integer).execute()
  },
}
