/** Rows of the index by person, and the counts that say what it does not cover. Joined with `search` alone, whose filter hides. */
import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Tables } from '../tables.ts'
import { monthPrefix } from './entry.ts'

/**
 * What became of a record. `indexed` and `not_personal` are covered. `undeclared`: nobody said where; `absent`: nothing stands
 * there; `unreadable`: what stands there is no identifier; `too_many`: more than are indexed of one message; `too_large`: its
 * body; `not_kept`: the log level, or an erasure, or it was refused before it was logged; `key_destroyed`: of its month;
 * `refused`: by the key holder. Those of replies have `reply_` before them.
 */
export type SubjectReason = 'indexed' | 'not_personal' | SubjectGap | `reply_${SubjectGap}`
export type SubjectGap =
  | 'undeclared'
  | 'absent'
  | 'unreadable'
  | 'too_many'
  | 'too_large'
  | 'not_kept'
  | 'key_destroyed'
  | 'refused'

export type SubjectCount = { idx: number; day: string; service: string; reason: SubjectReason }

export type CountedSubjects = {
  day: string
  service: string
  reason: string
  records: number
  firstIndex: number
  lastIndex: number
}

/** The mark that says up to which record the index goes. */
export const SUBJECTS = 'subjects'

export type SubjectStore = ReturnType<typeof createSubjectStore>

const DELETED_AT_ONCE = 500
const COVERED = ['indexed', 'not_personal']

export function createSubjectStore(database: Database) {
  const kysely = tablesOf<Tables>(database)

  const within = (days: { from?: string | undefined; to?: string | undefined }) =>
    kysely
      .selectFrom('subject_count')
      .where('day', '>=', days.from ?? '')
      .where('day', '<=', days.to ?? '9')

  return {
    /** Entries and counts of the records from `from` to `to`, and how far the index goes now, together. */
    add: (q: {
      from: number
      to: number
      entries: { idx: number; entry: string }[]
      counts: SubjectCount[]
    }): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        await transaction
          .insertInto('mark')
          .values({ name: SUBJECTS, value: 0 })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .execute()
        const move = transaction.updateTable('mark').set({ value: q.to }).where('name', '=', SUBJECTS)
        // Another node was first.
        if ((await move.where('value', '=', q.from).executeTakeFirst()).numUpdatedRows === 0n) return
        const found = await stillSearchable(transaction, [...new Set(q.entries.map(({ idx }) => idx))])
        for (const { idx, entry } of q.entries) {
          // Erased since it was read: nothing may lead to it any more.
          if (!found.has(idx)) continue
          await transaction
            .insertInto('subject')
            .values({ entry: Buffer.from(entry, 'hex'), idx })
            .onConflict((conflict) => conflict.columns(['entry', 'idx']).doNothing())
            .execute()
        }
        for (const counted of countsOf(q.counts)) {
          const { records, last_idx } = counted
          await transaction
            .insertInto('subject_count')
            .values(counted)
            .onConflict((conflict) =>
              conflict.columns(['day', 'key']).doUpdateSet((old) => ({
                records: old('subject_count.records', '+', records),
                last_idx,
              })),
            )
            .execute()
        }
      }),

    /** Newest day first; only what is not covered. */
    gaps: async (q: {
      from?: string | undefined
      to?: string | undefined
      limit: number
    }): Promise<CountedSubjects[]> => {
      const rows = await within(q)
        .select(['day', 'service', 'reason', 'records', 'first_idx', 'last_idx'])
        .where('reason', 'not in', COVERED)
        .orderBy('day', 'desc')
        .orderBy('records', 'desc')
        .orderBy('key')
        .limit(q.limit)
        .execute()
      return rows.map(({ first_idx, last_idx, records, ...row }) => ({
        ...row,
        records: Number(records),
        firstIndex: Number(first_idx),
        lastIndex: Number(last_idx),
      }))
    },

    totals: async (q: {
      from?: string | undefined
      to?: string | undefined
    }): Promise<Map<string, number>> => {
      const rows = await within(q)
        .select(({ fn }) => ['reason', fn.sum<number>('records').as('records')])
        .groupBy('reason')
        .execute()
      return new Map(rows.map(({ reason, records }) => [reason, Number(records)]))
    },

    /** How many entries lead to a record. */
    entriesOf: async (idx: number): Promise<number> =>
      (await kysely.selectFrom('subject').select('entry').where('idx', '=', idx).execute()).length,

    /** Deletes entries of a month whose key is gone, some at a time; says how many. */
    forgetMonth: async (month: string): Promise<number> => {
      const first = monthPrefix(month)
      const next = Buffer.from(first)
      next.writeUInt16BE(first.readUInt16BE() + 1)
      const rows = await kysely
        .selectFrom('subject')
        .select('entry')
        .distinct()
        .where('entry', '>=', first)
        .where('entry', '<', next)
        .limit(DELETED_AT_ONCE)
        .execute()
      if (rows.length === 0) return 0
      const gone = await kysely
        .deleteFrom('subject')
        .where(
          'entry',
          'in',
          rows.map(({ entry }) => entry),
        )
        .executeTakeFirst()
      return Number(gone.numDeletedRows)
    },
  }
}

const AT_ONCE = 500

async function stillSearchable(kysely: Kysely<Tables>, indexes: number[]): Promise<Set<number>> {
  const found = new Set<number>()
  for (let at = 0; at < indexes.length; at += AT_ONCE) {
    const some = indexes.slice(at, at + AT_ONCE)
    const rows = await kysely.selectFrom('search').select('idx').where('idx', 'in', some).execute()
    for (const { idx } of rows) found.add(Number(idx))
  }
  return found
}

function countsOf(counts: SubjectCount[]): Tables['subject_count'][] {
  const counted = new Map<string, Tables['subject_count']>()
  for (const { idx, day, service, reason } of counts) {
    const name = JSON.stringify([service, reason])
    const known = counted.get(`${day} ${name}`)
    if (known === undefined) {
      const key = createHash('sha256').update(name).digest()
      const places = { first_idx: idx, last_idx: idx }
      counted.set(`${day} ${name}`, { day, key, service, reason, records: 1, ...places })
      continue
    }
    known.records++
    known.last_idx = idx
  }
  return [...counted.values()]
}
