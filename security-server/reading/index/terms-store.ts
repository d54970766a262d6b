/**
 * Contract, purpose and endpoint, by which records are searched for: one row for each distinct combination.
 * They come from the circumstances that a record names, or from the contract in its leaf form if it names
 * none.
 */
import { hash } from 'node:crypto'
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import { readCircumstances } from '#core/circumstances/read.ts'
import { searchedEndpoint } from '#core/circumstances/searched.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { CircumstancesStore } from '../../message-log/circumstances/store.ts'
import type { Clearance } from '../../message-log/record-input.ts'
import type { IndexTables } from './tables.ts'

/** Empty text: the record names none. */
export type SearchTerms = { contract: string; purpose: string; endpoint: string }

/** Texts must match exactly. A contract may be given with or without its version. */
export type TermsFilter = Partial<SearchTerms>

/**
 * Where the terms of a record come from: `circumstances` is the base64 hash of its circumstances, `contract`
 * is from its leaf form.
 */
export type NamedTerms = { circumstances: string | undefined; contract: string; secrecy: number }

export type TermsQuestion = {
  of: keyof SearchTerms
  clearance: Clearance
  /** Only texts that contain this one. */
  holding: string
  limit: number
}

export type TermsStore = ReturnType<typeof createTermsStore>

const NOTHING: SearchTerms = { contract: '', purpose: '', endpoint: '' }
const MAX_KNOWN = 10_000

/** The unique key of a combination: a hash, because texts may be too long for a database index. */
export function termsKey(terms: SearchTerms, secrecy: number): Buffer {
  const { contract, purpose, endpoint } = terms
  return hash('sha256', JSON.stringify([contract, purpose, endpoint, secrecy]), 'buffer')
}

export function asksForTerms({ contract, purpose, endpoint }: TermsFilter): boolean {
  return contract !== undefined || purpose !== undefined || endpoint !== undefined
}

/** For `search` and `traffic`, whose rows refer to their terms by number. */
export function fitsTerms(
  is: ExpressionBuilder<IndexTables, 'search' | 'traffic'>,
  { contract, purpose, endpoint }: TermsFilter,
): Expression<SqlBool> {
  const id = contract === undefined || contract.includes('/') ? undefined : `${contract}/`
  let found = is.selectFrom('search_terms').select('search_terms.id')
  if (id !== undefined) found = found.where(sql`substr(contract, 1, ${sql.lit(id.length)})`, '=', id)
  else if (contract !== undefined) found = found.where('contract', '=', contract)
  if (purpose !== undefined) found = found.where('purpose', '=', purpose)
  if (endpoint !== undefined) found = found.where('endpoint', '=', endpoint)
  return is('terms', 'in', found)
}

export function createTermsStore(database: Database, circumstances: CircumstancesStore) {
  const kysely = tablesOf<IndexTables>(database)
  const numbers = new Map<string, number>()
  const texts = new Map<number, SearchTerms>()

  const read = async (named: NamedTerms): Promise<SearchTerms | undefined> => {
    const { circumstances: digest, contract } = named
    if (digest === undefined) return { ...NOTHING, contract }
    const document = await circumstances.document(digest)
    if (document === undefined) return undefined
    try {
      const held = readCircumstances(document, digest)
      return { contract, purpose: held.contract?.purpose ?? '', endpoint: searchedEndpoint(held) }
    } catch {
      return undefined
    }
  }
  const numberOf = async (named: NamedTerms): Promise<number> => {
    // The document was changed or lost, which the verification of the log reports. Records are still found by
    // their contract.
    const terms = (await read(named)) ?? { ...NOTHING, contract: named.contract }
    if (terms.contract === '' && terms.purpose === '' && terms.endpoint === '') return 0
    const { secrecy } = named
    const key = termsKey(terms, secrecy)
    await kysely
      .insertInto('search_terms')
      .values({ key, ...terms, secrecy })
      .onConflict((conflict) => conflict.column('key').doNothing())
      .execute()
    const row = await kysely
      .selectFrom('search_terms')
      .select('id')
      .where('key', '=', key)
      .executeTakeFirstOrThrow()
    return Number(row.id)
  }
  const load = async (missing: number[]): Promise<void> => {
    const rows = await kysely.selectFrom('search_terms').selectAll().where('id', 'in', missing).execute()
    if (texts.size + rows.length > MAX_KNOWN) texts.clear()
    for (const { id, contract, purpose, endpoint } of rows)
      texts.set(Number(id), { contract, purpose, endpoint })
  }

  return {
    /** The terms of a record. Undefined when the document that it names is missing or changed. */
    read,

    /** The number of a record's terms, which are stored if new; 0 when the record names none. */
    termsOf: async (named: NamedTerms): Promise<number> => {
      const name = `${named.circumstances ?? ''} ${named.contract} ${named.secrecy}`
      const known = numbers.get(name)
      if (known !== undefined) return known
      const made = await numberOf(named)
      if (numbers.size >= MAX_KNOWN) numbers.clear()
      numbers.set(name, made)
      return made
    },

    /** Adds contract, purpose and endpoint to each row. */
    withTerms: async <T extends { terms: number }>(rows: T[]): Promise<(T & SearchTerms)[]> => {
      const missing = new Set(
        rows.map(({ terms }) => Number(terms)).filter((one) => one > 0 && !texts.has(one)),
      )
      if (missing.size > 0) await load([...missing])
      return rows.map((row) => ({ ...row, ...(texts.get(Number(row.terms)) ?? NOTHING) }))
    },

    /** The contracts, purposes or endpoints that the reader may see, in alphabetical order. */
    termsThere: async (q: TermsQuestion): Promise<string[]> => {
      const rows = await kysely
        .selectFrom('search_terms')
        .select(q.of)
        .distinct()
        .where('secrecy', '<=', q.clearance)
        .where(q.of, '!=', '')
        .where((is) => holds(is.ref(q.of), q.holding, database.dialect))
        .orderBy(q.of)
        .limit(q.limit)
        .execute()
      return rows.map((row) => (row as Record<string, string>)[q.of]!)
    },
  }
}

/** Not `like`, because a path may contain its wildcards. */
function holds(column: Expression<string>, part: string, dialect: Database['dialect']): Expression<SqlBool> {
  return dialect === 'sqlite'
    ? sql<SqlBool>`instr(${column}, ${part}) > 0`
    : sql<SqlBool>`position(${part} in ${column}) > 0`
}
