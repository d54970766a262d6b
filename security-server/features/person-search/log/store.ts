/**
 * Stores the entries of the index by person, its position, and its keys. Entries are read only together with
 * `search`, whose filter hides what a reader may not see.
 */
import type { Kysely } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Whole } from '#schemas/sent-values.ts'
import { addCounts } from './count-store.ts'
import { monthPrefix } from './entry.ts'
import type { LookedAt } from './looked-at.ts'
import type { SubjectTables } from './tables.ts'
import { addUses, isOneOf } from './uses-store.ts'

/** What was indexed of a month with one key. */
export type IndexedMonth = {
  month: string
  /** Empty text if the key is not known. */
  keyId: string
  records: Whole
  /** Whether the entries were deleted because the key was destroyed. */
  isForgotten: boolean
}

/** The mark that says up to which record the index goes. */
export const SUBJECTS = 'subjects'

const DELETED_AT_ONCE = 500

export function createSubjectStore(database: Database) {
  const kysely = tablesOf<SubjectTables>(database)

  return {
    /**
     * In one transaction: adds the entries and counts of the records from `from` (included) to `to` (not),
     * and moves the mark to `to`.
     */
    add: (q: { from: number; to: number; records: LookedAt[] }): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        await transaction
          .insertInto('mark')
          .values({ name: SUBJECTS, value: 0 })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .execute()
        const move = transaction.updateTable('mark').set({ value: q.to }).where('name', '=', SUBJECTS)
        // Another node was faster.
        if ((await move.where('value', '=', q.from).executeTakeFirst()).numUpdatedRows === 0n) return
        const named = q.records.filter(({ entries }) => entries.length > 0).map(({ idx }) => idx)
        const found = await stillSearchable(transaction, named, database.dialect)
        // A record that was erased since it was read gets no entry, so that nothing leads to it.
        const records = q.records.map((one) =>
          one.entries.length === 0 || found.has(one.idx)
            ? one
            : { ...one, entries: [], reason: 'erased' as const },
        )
        const rows = records.flatMap(({ idx, entries }) =>
          entries.map((entry) => ({ entry: Buffer.from(entry, 'hex'), idx })),
        )
        // Together: a statement each would take a way to the database each, with the transaction open.
        for (let at = 0; at < rows.length; at += AT_ONCE)
          await transaction
            .insertInto('subject')
            .values(rows.slice(at, at + AT_ONCE))
            .onConflict((conflict) => conflict.columns(['entry', 'idx']).doNothing())
            .execute()
        for (const row of monthsOf(records))
          await transaction
            .insertInto('subject_month')
            .values(row)
            .onConflict((conflict) =>
              conflict
                .columns(['month', 'key_id'])
                .doUpdateSet((old) => ({ records: old('subject_month.records', '+', row.records) })),
            )
            .execute()
        await addCounts(transaction, records)
        await addUses(transaction, { ...q, records })
      }),

    /** The keys of each month and how many records they indexed, the oldest month first. */
    months: async (q: { from?: string | undefined; to?: string | undefined }): Promise<IndexedMonth[]> => {
      const rows = await kysely
        .selectFrom('subject_month')
        .selectAll()
        .where('month', '>=', q.from?.slice(0, 7) ?? '')
        .where('month', '<=', q.to?.slice(0, 7) ?? '9')
        .orderBy('month')
        .orderBy('key_id')
        .execute()
      return rows.map(({ month, key_id, records, forgotten }) => ({
        ...{ month, keyId: key_id, records: Number(records), isForgotten: Number(forgotten) === 1 },
      }))
    },

    /**
     * Deletes entries of a month whose key was destroyed, in batches. Returns how many were deleted; 0 when
     * none is left.
     */
    forgetMonth: async (month: string): Promise<number> => {
      await kysely.updateTable('subject_month').set({ forgotten: 1 }).where('month', '=', month).execute()
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

async function stillSearchable(
  kysely: Kysely<SubjectTables>,
  indexes: number[],
  dialect: Database['dialect'],
): Promise<Set<number>> {
  const found = new Set<number>()
  for (let at = 0; at < indexes.length; at += AT_ONCE) {
    const some = indexes.slice(at, at + AT_ONCE)
    const rows = await kysely
      .selectFrom('search')
      .select('idx')
      .where(isOneOf('search.idx', some, dialect))
      .execute()
    for (const { idx } of rows) found.add(Number(idx))
  }
  return found
}

function monthsOf(records: LookedAt[]): SubjectTables['subject_month'][] {
  const counted = new Map<string, SubjectTables['subject_month']>()
  for (const { day, entries, keyId } of records) {
    if (entries.length === 0) continue
    const month = day.slice(0, 7)
    const known = counted.get(`${month} ${keyId}`)
    if (known === undefined)
      counted.set(`${month} ${keyId}`, { month, key_id: keyId, records: 1, forgotten: 0 })
    else known.records++
  }
  return [...counted.values()]
}
