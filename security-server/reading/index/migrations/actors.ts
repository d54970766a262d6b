/**
 * Adds keyed hashes of user ids and represented parties to the search index. Records that are indexed already
 * get none.
 */
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'
import { BLOCK } from '../block-store.ts'

export const actors: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { blob } = columnTypes(kysely)
    for (const column of ['user_hash', 'party_hash']) {
      await kysely.schema.alterTable('search').addColumn(column, blob).execute()
      // By block, as query ids: hashes are random, and each block has its own.
      await sql`create index ${sql.ref(`search_${column}`)} on search (${BLOCK}, ${sql.ref(column)})
        where ${sql.ref(column)} is not null`.execute(kysely)
    }
    await sql`insert into mark (name, value)
      select 'actors', coalesce((select value from mark where name = 'search'), 0)`.execute(kysely)
  },
}
