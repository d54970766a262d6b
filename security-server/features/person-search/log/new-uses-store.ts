/**
 * Reads what was indexed since a position, in the log's thread: which entries lead to which requests. Who has
 * keys of their own for people finds theirs among them. Whether a request may be told is said by the code
 * that answers people who ask.
 */
import { type Kysely, sql } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { SearchTerms, TermsStore } from '../../../reading/index/terms-store.ts'
import { isShownBy, toldBy, type UsesPageQuestion } from './read-uses.ts'
import type { SubjectTables } from './tables.ts'
import type { FoundUse, UsesStore } from './uses-store.ts'

/** An entry at a record. `request`: the index of the request that the record is, or answers. */
type NewEntry = {
  /** Hexadecimal. */
  entry: string
  request: number
  /**
   * The entries that the request had before this position, if it lies before: who has one of them was found
   * there.
   */
  before: string[]
}

export type NewEntries = {
  /** Not included: where the next question begins. */
  to: number
  entries: NewEntry[]
  /** The months of these entries, with all keys of which the index knows. */
  months: { month: string; keyId: string }[]
}

/**
 * What may be told of a request. `isWithheld`: not before an exception ends. What is absent is never told.
 */
export type JudgedUse = { idx: number; time: string; client: string; isGeneral: boolean; isWithheld: boolean }

const MOST_RECORDS = 500

export function createNewUses(database: Database) {
  const kysely = tablesOf<SubjectTables>(database)

  /** Records of `from` (included) up to the index's own position, and at most 500 of them. */
  return async ({ from, mark }: { from: number; mark: number }): Promise<NewEntries> => {
    const to = Math.min(mark, from + MOST_RECORDS)
    if (to <= from) return { to: mark, entries: [], months: [] }
    const found = await kysely
      .selectFrom('subject')
      .select(['entry', 'idx'])
      .where('idx', '>=', from)
      .where('idx', '<', to)
      .orderBy('idx')
      .execute()
    if (found.length === 0) return { to, entries: [], months: [] }
    const rows = await kysely
      .selectFrom('search')
      .select(['idx', 'kind', 'answers', 'time'])
      .where('idx', '>=', from)
      .where('idx', '<', to)
      .execute()
    const requests = new Map<number, number>()
    for (const { idx, kind, answers } of rows)
      if (kind === 'request' || answers !== null)
        requests.set(Number(idx), Number(kind === 'request' ? idx : answers))
    const before = await entriesAt(
      kysely,
      [...new Set(requests.values())].filter((idx) => idx < from),
    )
    const entries = found.flatMap(({ entry, idx }) => {
      const request = requests.get(Number(idx))
      if (request === undefined) return []
      return [{ entry: Buffer.from(entry).toString('hex'), request, before: before.get(request) ?? [] }]
    })
    const months = [...new Set(rows.map(({ time }) => time.slice(0, 7)))]
    const keys = await kysely
      .selectFrom('subject_month')
      .select(['month', 'key_id'])
      .where('month', 'in', months)
      .execute()
    return { to, entries, months: keys.map(({ month, key_id }) => ({ month, keyId: key_id })) }
  }
}

/** Judges these requests as the tracker of a subsystem would today. */
export async function judgeUses(
  { uses, terms }: { uses: UsesStore; terms: Pick<TermsStore, 'withTerms'> },
  q: Pick<UsesPageQuestion, 'subsystem' | 'withheld' | 'general'> & { indexes: number[] },
): Promise<JudgedUse[]> {
  const rows = await terms.withTerms(await uses.requests(q.indexes, q.subsystem))
  const isShown = isShownBy(q)
  const tell = toldBy(q)
  return rows
    .filter((row: FoundUse & SearchTerms) => !row.isLook)
    .map((row: FoundUse & SearchTerms) => {
      const { idx, time, client, isGeneral } = tell(row)
      return { idx, time, client, isGeneral, isWithheld: !isShown(row) }
    })
}

const AT_ONCE = 500

async function entriesAt(kysely: Kysely<SubjectTables>, indexes: number[]): Promise<Map<number, string[]>> {
  const found = new Map<number, string[]>()
  for (let at = 0; at < indexes.length; at += AT_ONCE) {
    const rows = await kysely
      .selectFrom('subject')
      .select(['entry', 'idx'])
      .where(sql<boolean>`idx in (${sql.join(indexes.slice(at, at + AT_ONCE))})`)
      .execute()
    for (const { entry, idx } of rows) {
      const known = found.get(Number(idx)) ?? []
      known.push(Buffer.from(entry).toString('hex'))
      found.set(Number(idx), known)
    }
  }
  return found
}
