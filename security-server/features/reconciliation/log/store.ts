/** Reads a range of the log for reconciliation: rows of the search index, and erased records. */
import { type SqlBool, sql } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { SearchRow } from '../../../reading/index/search-filter.ts'
import type { IndexTables } from '../../../reading/index/tables.ts'

export type Partners = { client: string; service: string; peer: string }
export type SecretPartners = { client: string; service: string; secrecy: number }

/**
 * A record whose content was erased. Its form and its signature are left. `by`: the record that documents the
 * erasure.
 */
type ErasedRow = { idx: Whole; form: string; signatureId: Whole | null; by: Whole }

export type ReconciliationStore = ReturnType<typeof createReconciliationStore>

export function createReconciliationStore(database: Database) {
  const kysely = tablesOf<IndexTables>(database)
  const between = (from: string, to: string) =>
    kysely.selectFrom('search').where('time', '>=', from).where('time', '<', to)
  return {
    /**
     * The first and last record that may be from between two times, including erased ones: from after the
     * last indexed record before the period to before the first one after it. Undefined when there is none.
     */
    range: async (from: string, to: string): Promise<{ first: number; last: number } | undefined> => {
      const ends = await between(from, to)
        .select(({ fn }) => [fn.min('idx').as('first'), fn.max('idx').as('last')])
        .executeTakeFirst()
      const before = await kysely
        .selectFrom('search')
        .select('idx')
        .where('time', '<', from)
        .orderBy('time', 'desc')
        .orderBy('idx', 'desc')
        .limit(1)
        .executeTakeFirst()
      const after = await kysely
        .selectFrom('search')
        .select('idx')
        .where('time', '>=', to)
        .orderBy('time')
        .orderBy('idx')
        .limit(1)
        .executeTakeFirst()
      const head = await kysely.selectFrom('tree_head').select('size').where('id', '=', 1).executeTakeFirst()
      const first = before === undefined ? 0 : Number(before.idx) + 1
      const last = Number(after?.idx ?? head?.size ?? 0) - 1
      // Times do not strictly rise with indexes, so all rows of the period are included in any case.
      const all = {
        first: Math.min(first, Number(ends?.first ?? first)),
        last: Math.max(last, Number(ends?.last ?? last)),
      }
      return all.first > all.last ? undefined : all
    },

    /** The clients, services and servers that exchanged messages between two times. */
    partners: (from: string, to: string): Promise<Partners[]> =>
      between(from, to).select(['client', 'service', 'peer']).distinct().execute(),

    /** The clients and services with secret exchanges between two times, and their secrecy. */
    secretPartners: (from: string, to: string): Promise<SecretPartners[]> =>
      between(from, to)
        // Written as a constant, because only then the partial index over secret records is used.
        .where(sql<SqlBool>`secrecy > 0`)
        .select(['client', 'service', 'secrecy'])
        .distinct()
        .execute(),

    /** The rows of the records from `first` to `last`, in order. */
    rows: (first: number, last: number): Promise<SearchRow[]> =>
      kysely
        .selectFrom('search')
        .selectAll()
        .where('idx', '>=', first)
        .where('idx', '<=', last)
        .orderBy('idx')
        .execute(),

    erased: async (first: number, last: number): Promise<ErasedRow[]> => {
      const rows = await kysely
        .selectFrom('erasure')
        .innerJoin('record', 'record.idx', 'erasure.idx')
        .select(['record.idx', 'record.form', 'record.signature_id', 'erasure.erasure_idx'])
        .where('erasure.idx', '>=', first)
        .where('erasure.idx', '<=', last)
        // Repeated, so that partitions of the other table are skipped too.
        .where('record.idx', '>=', first)
        .where('record.idx', '<=', last)
        .orderBy('erasure.idx')
        .execute()
      return rows.map((row) => ({
        ...{ idx: row.idx, form: row.form },
        ...{ signatureId: row.signature_id, by: row.erasure_idx },
      }))
    },
  }
}
