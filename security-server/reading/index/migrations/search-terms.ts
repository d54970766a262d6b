/**
 * Searches by contract, purpose and endpoint: records and their hourly counts refer to them by number. For
 * records that an older version indexed, only the contract is known, from their leaf forms.
 */
import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, dialectOf, identity } from '#platform/database/dialect.ts'
import { DIMENSIONS, keyOf } from '../../../message-log/daily-counts/dimensions.ts'
import type { IndexTables } from '../tables.ts'
import { termsKey } from '../terms-store.ts'
import { HOUR, type TrafficRow } from '../traffic-store.ts'

export const searchTerms: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { text, integer, blob } = columnTypes(kysely)
    const { schema } = kysely
    await schema
      .createTable('search_terms')
      .addColumn('id', ...identity(kysely))
      .addColumn('key', blob, (column) => column.notNull().unique())
      .addColumn('contract', text, (column) => column.notNull())
      .addColumn('purpose', text, (column) => column.notNull())
      .addColumn('endpoint', text, (column) => column.notNull())
      .addColumn('secrecy', integer, (column) => column.notNull())
      .execute()
    for (const table of ['search', 'traffic'])
      await schema
        .alterTable(table)
        .addColumn('terms', integer, (column) => column.notNull().defaultTo(0))
        .execute()
    await nameContracts(kysely as Kysely<IndexTables>)
    await countByContract(kysely as Kysely<IndexTables>)
  },
}

async function nameContracts(kysely: Kysely<IndexTables>): Promise<void> {
  const contract =
    dialectOf(kysely) === 'sqlite'
      ? sql<string>`json_extract(record.form, '$.contract')`
      : sql<string>`(record.form::json ->> 'contract')`
  const { rows } = await sql<{ contract: string; secrecy: number }>`
    select distinct ${contract} as contract, search.secrecy as secrecy
    from search inner join record on record.idx = search.idx where ${contract} <> ''`.execute(kysely)
  if (rows.length === 0) return
  for (const row of rows) {
    const terms = { contract: row.contract, purpose: '', endpoint: '' }
    const secrecy = Number(row.secrecy)
    await kysely
      .insertInto('search_terms')
      .values({ key: termsKey(terms, secrecy), ...terms, secrecy })
      .execute()
  }
  await sql`update search set terms = coalesce((select search_terms.id from record inner join search_terms
      on search_terms.contract = ${contract} and search_terms.secrecy = search.secrecy where record.idx = search.idx), 0)
    where idx in (select record.idx from record where ${contract} <> '')`.execute(kysely)
}

/**
 * Counts the indexed records again with their contract. Records that were erased since stay counted without
 * one.
 */
async function countByContract(kysely: Kysely<IndexTables>): Promise<void> {
  const columns = sql.join([...DIMENSIONS, 'secrecy', 'terms'].map((name) => sql.ref(name)))
  const { rows } = await sql<TrafficRow & { secrecy: number; terms: number }>`
    select ${HOUR} as hour, ${columns}, count(*) as records, min(idx) as first_idx, max(idx) as last_idx
    from search where terms <> 0 group by ${HOUR}, ${columns}`.execute(kysely)
  for (const row of rows) {
    const [secrecy, terms, records] = [row.secrecy, row.terms, row.records].map(Number) as [
      number,
      number,
      number,
    ]
    const named = { ...row, secrecy, terms, records }
    const key = keyOf(named, createHash('sha256'))
    await kysely
      .insertInto('traffic')
      .values({ ...named, key, first_idx: Number(row.first_idx), last_idx: Number(row.last_idx) })
      .execute()
    const before = keyOf({ ...named, terms: 0 }, createHash('sha256'))
    await kysely
      .updateTable('traffic')
      .set((is) => ({ records: is('records', '-', records) }))
      .where('hour', '=', row.hour)
      .where('key', '=', before)
      .execute()
  }
  await kysely.deleteFrom('traffic').where('records', '<=', 0).execute()
}
