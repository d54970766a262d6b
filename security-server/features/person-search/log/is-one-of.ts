/** Which records are meant, as one value: the statement is the same for any number of them. */
import { sql } from 'kysely'
import type { Database } from '#platform/database/open-database.ts'

/** In PostgreSQL, whose tables of records have partitions, each is looked up by its key. */
export function isOneOf(column: string, indexes: readonly number[], dialect: Database['dialect']) {
  return dialect === 'postgresql'
    ? sql<boolean>`${sql.ref(column)} = any (${indexes})`
    : sql<boolean>`${sql.ref(column)} in (select value from json_each(${JSON.stringify(indexes)}))`
}
