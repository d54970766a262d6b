/** Lists by page on either store: which part is asked for, how many there are, and a text that is looked for. */
import { type Expression, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'

/** A list's part: `q` is looked for in ids and names; `sort` names a column, with a minus before it from the end. */
export type Page = { q?: string | undefined; sort?: string | undefined; offset: number; limit: number }

/** How many rows a query meets. */
export async function counted<T, N extends keyof T>(
  query: SelectQueryBuilder<T, N, object>,
): Promise<number> {
  const row = await query.select(({ fn }) => fn.countAll().as('found')).executeTakeFirst()
  return Number((row as { found?: unknown } | undefined)?.found ?? 0)
}

/** Whether a column contains `part` literally; ASCII letters match in either case. */
export function textContains(column: string, part: string): Expression<SqlBool> {
  const pattern = `%${part.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%`
  return sql<SqlBool>`lower(${sql.ref(column)}) like lower(${pattern}) escape '\\'`
}
