/** Reads a stretch of the log for reconciliation: what the search index says of it, and what of it was erased. */
import { type SqlBool, sql } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { SearchRow } from '../../../reading/index/search-filter.ts'
import type { IndexTables } from '../../../reading/index/tables.ts'

export type Partners = { client: string; service: string; peer: string }
export type SecretPartners = { client: string; service: string; secrecy: number }

/** A record whose content was erased: only its form is left, and the signature that outlives it. */
type ErasedRow = { idx: number; form: string; signatureId: number | null }

export type ReconciliationStore = ReturnType<typeof createReconciliationStore>

export function createReconciliationStore(database: Database) {
  const kysely = tablesOf<IndexTables>(database)
  const between = (from: string, to: string) =>
    kysely.selectFrom('search').where('time', '>=', from).where('time', '<', to)
  return {
    /**
     * The first and last record that may have been written between two times, erased ones included: from behind the last
     * one before to ahead of the first one after. Undefined for an empty stretch.
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
      // Times are only nearly in order: what the index has of the stretch is never left out.
      const all = {
        first: Math.min(first, Number(ends?.first ?? first)),
        last: Math.max(last, Number(ends?.last ?? last)),
      }
      return all.first > all.last ? undefined : all
    },

    /** Who spoke with whom, by which server, between two times. */
    partners: (from: string, to: string): Promise<Partners[]> =>
      between(from, to).select(['client', 'service', 'peer']).distinct().execute(),

    /** Whose exchanges between two times are secret, and how secret. */
    secretPartners: (from: string, to: string): Promise<SecretPartners[]> =>
      between(from, to)
        // Written out: only so is the index over secret records taken.
        .where(sql<SqlBool>`secrecy > 0`)
        .select(['client', 'service', 'secrecy'])
        .distinct()
        .execute(),

    /** Of the records from `first` to `last`, in order. */
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
        .select(['record.idx', 'record.form', 'record.signature_id'])
        .where('erasure.idx', '>=', first)
        .where('erasure.idx', '<=', last)
        // Once more, for the partitions of the other table.
        .where('record.idx', '>=', first)
        .where('record.idx', '<=', last)
        .orderBy('erasure.idx')
        .execute()
      return rows.map(({ idx, form, signature_id }) => ({ idx, form, signatureId: signature_id }))
    },
  }
}
