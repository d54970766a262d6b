/**
 * What contracts say of each record that they cover, where searches and retention look for it. Which records are secret stands
 * in a table of its own too: it outlives an erasure that leaves nothing of a record but its leaf.
 */
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, dialectOf } from '#platform/database/dialect.ts'

export const secrecy: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { integer } = columnTypes(kysely)
    const { schema } = kysely
    const key = dialectOf(kysely) === 'sqlite' ? 'integer' : 'bigint'
    await schema.alterTable('search').addColumn('keep_days', integer).execute()
    for (const table of ['search', 'traffic'])
      await schema
        .alterTable(table)
        .addColumn('secrecy', integer, (column) => column.notNull().defaultTo(0))
        .execute()
    await schema
      .createTable('secret_record')
      .addColumn('idx', key, (column) => column.primaryKey())
      .addColumn('secrecy', integer, (column) => column.notNull())
      .execute()
    // Few records are secret: those of a day are found without a walk through all of the day's.
    await sql`create index search_secret on search (time) where secrecy > 0`.execute(kysely)
  },
}
