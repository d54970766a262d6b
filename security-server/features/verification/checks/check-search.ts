/**
 * Compares the search index with the records. People find an exchange through its row: a missing row hides
 * it, and a changed row shows it as somebody else's. Each record that can be opened must have the row that
 * follows from its metadata and leaf form. Other records must have none.
 */
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import { say } from '#schemas/said.ts'
import type { Metadata } from '../../../message-log/record-input.ts'
import { rowOf } from '../../../reading/index/index-records.ts'
import type { FoundRow, SearchRow } from '../../../reading/index/search-filter.ts'
import type { NamedTerms, SearchTerms } from '../../../reading/index/terms-store.ts'
import { createActorChecker } from './check-actors.ts'
import { createCursor } from './cursor.ts'
import { inconsistent } from './inconsistent.ts'
import type { LogSource, StoredLogKey } from './source.ts'

const MAX_KNOWN = 10_000

export type SearchChecker = {
  /**
   * Checks the row of the next record. `metadata` is undefined when none is left. Throws `log_inconsistent`.
   */
  check(q: { idx: number; form: LeafFields; metadata: Metadata | undefined }): Promise<void>
  /** Skips a record whose row cannot be predicted. */
  pass(idx: number): Promise<void>
}

/**
 * Starts at record `first`. Checks rows up to where the index ended when reading began, because a job indexes
 * later records.
 */
export function createSearchChecker(q: {
  source: LogSource
  first: number
  logKeys: StoredLogKey[]
  /** Is called with every row that is read. */
  onRow?: (row: FoundRow) => void
}): SearchChecker {
  const { source, first, logKeys } = q
  const { search } = source
  if (search === undefined) return { check: async () => undefined, pass: async () => undefined }
  const rows = createCursor(search.rows(first - 1))
  const terms = remember(search.terms)
  const keys = logKeys.flatMap(({ id }) => source.findKey(id) ?? [])
  const hasActors = createActorChecker({ keys, isWhole: keys.length === logKeys.length })

  const rowAt = async (idx: number): Promise<FoundRow | undefined> => {
    let stray: number | undefined
    let found: FoundRow | undefined
    for (let row = await rows.peek(); row !== undefined && row.idx <= idx; row = await rows.peek()) {
      await rows.next()
      q.onRow?.(row)
      if (row.idx === idx) found = row
      else stray ??= row.idx
    }
    if (stray !== undefined) throw inconsistent(say`the search index has a row ${stray} of no record`)
    return found
  }
  return {
    pass: async (idx) => {
      await rowAt(idx)
    },
    check: async ({ idx, form, metadata }) => {
      const row = await rowAt(idx)
      if (idx >= search.end) return
      const wanted = form.direction === '' || metadata === undefined ? undefined : rowOf(idx, form, metadata)
      if (wanted === undefined && row === undefined) return
      if (wanted !== undefined && row !== undefined) {
        const circumstances = metadata?.circumstances
        const said = await terms({ circumstances, contract: form.contract, secrecy: wanted.secrecy })
        const areActors = hasActors(row, metadata!) || idx < search.actorsFrom
        if (areActors && isSame(wanted, row) && (said === undefined || isSame(said, row))) return
        throw inconsistent(say`the search index says something else of it`)
      }
      if (wanted !== undefined) throw inconsistent(say`the search index does not have it`)
      if ((await source.remainder(idx)) === undefined)
        throw inconsistent(say`the search index has it, and it has no place there`)
    },
  }
}

/**
 * `terms` is a number of this database that stands for texts, so the texts are compared. check-actors.ts
 * compares the hashes.
 */
const NOT_COMPARED: ReadonlySet<string> = new Set(['terms', 'user_hash', 'party_hash'])

/** Compares as text, because one of the stores returns numbers as text. */
function isSame(wanted: SearchRow | SearchTerms, row: FoundRow): boolean {
  return (Object.keys(wanted) as (keyof typeof wanted)[]).every(
    (name) => NOT_COMPARED.has(name) || String(wanted[name] ?? '') === String(row[name] ?? ''),
  )
}

/** Remembers results, because many records name the same terms. */
function remember(read: (named: NamedTerms) => Promise<SearchTerms | undefined>): typeof read {
  const known = new Map<string, SearchTerms | undefined>()
  return async (named) => {
    const name = `${named.circumstances ?? ''} ${named.contract}`
    const said = known.get(name) ?? (await read(named))
    if (known.size >= MAX_KNOWN) known.clear()
    known.set(name, said)
    return said
  }
}
