/**
 * Adds the retention period and secrecy that the contract sets for a record, where searches and retention
 * read them. Secret records are also listed in a table of their own, which stays when an erasure leaves only
 * the leaf.
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
    // Few records are secret: this index finds those of a day without reading all records of that day.
    await sql`create index search_secret on search (time) where secrecy > 0`.execute(kysely)
  },
}
