/** The conditions of a search, and the rows that it finds. */

import type { ActorHashes, ActorTerms } from './actors.ts'
import type { IndexTables } from './tables.ts'
import type { SearchTerms } from './terms-store.ts'
import type { DimensionFilter } from './traffic-store.ts'

export type SearchRow = IndexTables['search']

export type FoundRow = SearchRow & SearchTerms

/** The conditions of a search. Texts must match exactly. */
export type RecordFilter = DimensionFilter &
  ActorTerms & {
    queryId?: string
    requestId?: string
    /** Records of any of these exchanges. */
    requestIds?: string[]
    /**
     * Beside `queryId`, which a client may use without end: this record alone, those that answer it, and all
     * receipts.
     */
    exchangeOf?: number
    /** ISO times: `from` is included, `to` is not. */
    from?: string
    to?: string
    /**
     * Entries of the index by person, in hexadecimal: finds records that have at least one of them. An empty
     * list finds no record.
     */
    subjects?: string[]
  }

/** A filter with the hashes of the actors that its terms name, from `hashesOf`. */
export type HashedFilter = RecordFilter & { actors?: ActorHashes[] }

/** `before`: the index of the last row on the previous page of the same search. */
export type SearchFilter = RecordFilter & { before?: number; limit: number }
