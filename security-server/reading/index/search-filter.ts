/** What a search is narrowed to, and the rows that it finds. */

import type { ActorHashes, ActorTerms } from './actors.ts'
import type { IndexTables } from './tables.ts'
import type { SearchTerms } from './terms-store.ts'
import type { DimensionFilter } from './traffic-store.ts'

export type SearchRow = IndexTables['search']

/** With what it says of contract, purpose and endpoint. */
export type FoundRow = SearchRow & SearchTerms

/** What a search may be narrowed to; texts are exact. */
export type RecordFilter = DimensionFilter &
  ActorTerms & {
    queryId?: string
    requestId?: string
    /** ISO times, inclusive and exclusive. */
    from?: string
    to?: string
    /** Entries of the index by person, hexadecimal: records that have one of them; with none of them, none. */
    subjects?: string[]
  }

/** With the hashes of the actors whom its terms name, if any: `hashesOf`. */
export type HashedFilter = RecordFilter & { actors?: ActorHashes[] }

/** `before` is the index of the last row of the page before, of a listing narrowed in the same way. */
export type SearchFilter = RecordFilter & { before?: number; limit: number }
