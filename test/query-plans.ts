/**
 * What a database would read for the queries of a store: whether an index leads to rows, or a whole table is
 * gone through.
 */
import { CompiledQuery, type Kysely, type KyselyPlugin } from 'kysely'
import type { Database } from '#platform/database/open-database.ts'

type Node = { 'Node Type': string; 'Index Cond'?: string; 'Relation Name'?: string; Plans?: Node[] }

/**
 * A door to the same database that remembers its queries. `scans` tells which of their steps go through a
 * table or an index from end to end. A PostgreSQL table is taken to be so large that an index is used
 * wherever one can be.
 */
export function recordQueries(database: Database): { database: Database; scans(): Promise<string[]> } {
  const asked = new Map<string, readonly unknown[]>()
  const plugin: KyselyPlugin = {
    transformQuery: ({ node, queryId }) => {
      const { sql, parameters } = database.kysely.getExecutor().compileQuery(node, queryId)
      asked.set(sql, parameters)
      return node
    },
    transformResult: async ({ result }) => result,
  }
  const scansOf = async (kysely: Kysely<unknown>, sql: string, values: readonly unknown[]) => {
    if (database.dialect === 'sqlite') {
      const plan = CompiledQuery.raw(`explain query plan ${sql}`, [...values])
      const { rows } = await kysely.executeQuery<{ detail: string }>(plan)
      return rows.map(({ detail }) => detail).filter((detail) => /^SCAN(?! \(subquery)/.test(detail))
    }
    const plan = CompiledQuery.raw(`explain (format json) ${sql}`, [...values])
    const { rows } = await kysely.executeQuery<{ 'QUERY PLAN': { Plan: Node }[] }>(plan)
    return unled(rows[0]!['QUERY PLAN'][0]!.Plan)
  }
  return {
    database: { ...database, kysely: database.kysely.withPlugin(plugin) },
    scans: () =>
      database.kysely.connection().execute(async (connection) => {
        if (database.dialect === 'postgresql')
          await connection.executeQuery(CompiledQuery.raw('set enable_seqscan = off'))
        const found: string[] = []
        for (const [sql, values] of asked)
          for (const scan of await scansOf(connection, sql, values)) found.push(`${scan} for ${sql}`)
        if (database.dialect === 'postgresql')
          await connection.executeQuery(CompiledQuery.raw('reset enable_seqscan'))
        if (asked.size === 0) found.push('nothing was asked')
        asked.clear()
        return found
      }),
  }
}

/** Steps that read a table without a condition on an index. */
function unled({ 'Node Type': type, 'Index Cond': led, 'Relation Name': table, Plans = [] }: Node): string[] {
  const isScan = table !== undefined && led === undefined && type !== 'Bitmap Heap Scan'
  return [...(isScan ? [`${type} on ${table}`] : []), ...Plans.flatMap(unled)]
}
