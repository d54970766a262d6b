/** Lists by page on either store: a page, the total number, and a search text. */
import { type Expression, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import type { Whole } from '#schemas/sent-values.ts'

/**
 * A page of a list: `q` is searched in ids and names; `sort` names a column, with a minus in front for
 * descending order.
 */
export type Page = { q?: string | undefined; sort?: string | undefined; offset: number; limit: number }

/** The number of rows that a query matches. */
export async function counted<T, N extends keyof T>(query: SelectQueryBuilder<T, N, object>): Promise<Whole> {
  const row = await query.select(({ fn }) => fn.countAll().as('found')).executeTakeFirst()
  return Number((row as { found?: unknown } | undefined)?.found ?? 0)
}

/** Whether a column contains `part` literally; ASCII letters match in either case. */
export function textContains(column: string, part: string): Expression<SqlBool> {
  const pattern = `%${part.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%`
  return sql<SqlBool>`lower(${sql.ref(column)}) like lower(${pattern}) escape '\\'`
}
