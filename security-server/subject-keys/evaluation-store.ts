/**
 * The rows about evaluated records: the identifiers of the newest ones, how far the log was evaluated, and
 * the counts of each day.
 */

import { isMonth } from '#core/subject/months.ts'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Whole } from '#schemas/sent-values.ts'

export type EvaluatedRow = { idx: Whole; digest: Buffer; month: string }

export type EvaluationLimits = { identifiersPerDay: Whole; indexesPerDay: Whole }

/** What was evaluated on a UTC day. Indexes and months are null while everything was refused. */
export type EvaluationDay = {
  day: string
  identifiers: Whole
  /** By how many record indexes the mark moved. */
  indexes: Whole
  /** Records that were refused, for example because they are too far back. */
  refused: Whole
  /** Batches refused because a limit of the day was used up; the server sends them again and again. */
  usedUp: Whole
  firstIndex: Whole | null
  lastIndex: Whole | null
  firstMonth: string | null
  lastMonth: string | null
}

export type EvaluationMarks = {
  mark: Whole | undefined
  newest: string | undefined
  /** In days since 1970. */
  movedOn: Whole | undefined
}

type EvaluationTables = {
  evaluated_subject: { idx: Whole; digest: Buffer }
  holder_mark: { name: string; value: Whole }
  evaluation_day: {
    day: string
    identifiers: Whole
    indexes: Whole
    refused: Whole
    used_up: Whole
    first_idx: Whole | null
    last_idx: Whole | null
    first_month: string | null
    last_month: string | null
  }
}

export type EvaluationStore = ReturnType<typeof createEvaluationStore>

const MARK = 'evaluated'
/** The value of this mark is the month as a number, such as 202611. */
const NEWEST = 'newest month'
/** The value of this mark is the UTC day since 1970. */
const MOVED = 'moved on day'
const DAY_MS = 86_400_000
const MANY = 400

export function createEvaluationStore(database: Database) {
  const tables = tablesOf<EvaluationTables>(database)

  const setMark = (kysely: typeof tables, name: string, value: number) =>
    kysely
      .insertInto('holder_mark')
      .values({ name, value })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
      .execute()

  return {
    /**
     * `mark`: all evaluated record indexes are below it. `newest`: the newest evaluated month. `movedOn`:
     * when the mark moved last. All undefined at first.
     */
    marks: async (): Promise<EvaluationMarks> => {
      const rows = await tables.selectFrom('holder_mark').selectAll().execute()
      const values = new Map(rows.map(({ name, value }) => [name, Number(value)]))
      const newest = `${values.get(NEWEST) ?? ''}`.replace(/^(\d{4})/, '$1-')
      const [mark, movedOn] = [values.get(MARK), values.get(MOVED)]
      return { mark, newest: isMonth(newest) ? newest : undefined, movedOn }
    },
    /** The digests of the identifiers evaluated for these indexes, in hex. */
    evaluated: async (indexes: number[]): Promise<Map<number, Set<string>>> => {
      const found = new Map<number, Set<string>>()
      for (let at = 0; at < indexes.length; at += MANY) {
        const some = indexes.slice(at, at + MANY)
        const rows = await tables
          .selectFrom('evaluated_subject')
          .selectAll()
          .where('idx', 'in', some)
          .execute()
        for (const { idx, digest } of rows) {
          const known = found.get(Number(idx)) ?? new Set()
          found.set(Number(idx), known.add(Buffer.from(digest).toString('hex')))
        }
      }
      return found
    },
    /**
     * Stores and counts what was evaluated, and deletes rows more than `kept` indexes back. When a limit of
     * the day would be exceeded, it only counts the refused batch and returns the limit in `usedUp`.
     * `isFirst` marks the day's first refusal of its kind, of records or of batches.
     */
    note: (q: {
      day: string
      rows: EvaluatedRow[]
      before: EvaluationMarks
      newest: string | undefined
      kept: Whole
      refused: Whole
      limits: EvaluationLimits
    }): Promise<{ usedUp: keyof EvaluationLimits | undefined; isFirst: boolean }> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'subject evaluations')
        const row = await transaction
          .selectFrom('evaluation_day')
          .selectAll()
          .where('day', '=', q.day)
          .executeTakeFirst()
        const known = row === undefined ? nothingOn(q.day) : dayIn(row)
        const identifiers = known.identifiers + q.rows.length
        const mark = Math.max(q.before.mark ?? 0, (q.rows.at(-1)?.idx ?? -1) + 1)
        const today = Date.parse(q.day) / DAY_MS
        const indexes = known.indexes + stepOf(q.before, { mark, today, perDay: q.limits.indexesPerDay })
        const usedUp =
          identifiers > q.limits.identifiersPerDay
            ? 'identifiersPerDay'
            : indexes > q.limits.indexesPerDay
              ? 'indexesPerDay'
              : undefined
        const isFirst = usedUp === undefined ? known.refused === 0 && q.refused > 0 : known.usedUp === 0
        const values = rowOf(
          usedUp === undefined
            ? { ...withRows(known, q.rows), indexes, refused: known.refused + q.refused }
            : { ...known, usedUp: known.usedUp + 1 },
        )
        await transaction
          .insertInto('evaluation_day')
          .values(values)
          .onConflict((conflict) => conflict.column('day').doUpdateSet(values))
          .execute()
        if (usedUp !== undefined || q.rows.length === 0) return { usedUp, isFirst }
        for (let at = 0; at < q.rows.length; at += MANY)
          await transaction
            .insertInto('evaluated_subject')
            .values(q.rows.slice(at, at + MANY).map(({ idx, digest }) => ({ idx, digest })))
            .execute()
        await setMark(transaction, MARK, mark)
        await setMark(transaction, MOVED, today)
        if (q.newest !== undefined) await setMark(transaction, NEWEST, Number(q.newest.replace('-', '')))
        await transaction
          .deleteFrom('evaluated_subject')
          .where('idx', '<', mark - q.kept)
          .execute()
        return { usedUp, isFirst }
      }),

    /** The counts of a day; zeros when nothing was evaluated. */
    day: async (day: string): Promise<EvaluationDay> => {
      const row = await tables
        .selectFrom('evaluation_day')
        .selectAll()
        .where('day', '=', day)
        .executeTakeFirst()
      return row === undefined ? nothingOn(day) : dayIn(row)
    },
    daysBefore: async (day: string): Promise<EvaluationDay[]> => {
      const days = tables.selectFrom('evaluation_day').selectAll().where('day', '<', day).orderBy('day')
      return (await days.execute()).map(dayIn)
    },
    forgetDay: async (day: string): Promise<void> => {
      await tables.deleteFrom('evaluation_day').where('day', '=', day).execute()
    },
  }
}

/**
 * By how many indexes a new mark counts on its day. Days without a move are credited, because a log also
 * grows without records that name people. The first mark of a holder counts nothing, wherever the log is.
 */
function stepOf(
  { mark, movedOn }: EvaluationMarks,
  to: { mark: Whole; today: Whole; perDay: Whole },
): number {
  if (mark === undefined || movedOn === undefined) return 0
  const stoodStill = Math.max(0, to.today - movedOn - 1)
  return Math.max(0, to.mark - mark - stoodStill * to.perDay)
}

type Row = EvaluationTables['evaluation_day']

function nothingOn(day: string): EvaluationDay {
  const none = { firstIndex: null, lastIndex: null, firstMonth: null, lastMonth: null }
  return { day, identifiers: 0, indexes: 0, refused: 0, usedUp: 0, ...none }
}

function withRows(day: EvaluationDay, rows: EvaluatedRow[]): EvaluationDay {
  if (rows.length === 0) return day
  const indexes = rows.map(({ idx }) => idx)
  const months = [day.firstMonth, day.lastMonth, ...rows.map(({ month }) => month)]
    .filter((month) => month !== null)
    .sort()
  return {
    ...day,
    identifiers: day.identifiers + rows.length,
    firstIndex: Math.min(day.firstIndex ?? Number.POSITIVE_INFINITY, ...indexes),
    lastIndex: Math.max(day.lastIndex ?? 0, ...indexes),
    firstMonth: months[0] ?? null,
    lastMonth: months.at(-1) ?? null,
  }
}

function dayIn({ first_idx, last_idx, first_month, last_month, ...row }: Row): EvaluationDay {
  const number = (value: number | null): number | null => (value === null ? null : Number(value))
  return {
    day: row.day,
    ...{ identifiers: Number(row.identifiers), indexes: Number(row.indexes), refused: Number(row.refused) },
    usedUp: Number(row.used_up),
    ...{ firstIndex: number(first_idx), lastIndex: number(last_idx) },
    ...{ firstMonth: first_month, lastMonth: last_month },
  }
}

function rowOf({ firstIndex, lastIndex, firstMonth, lastMonth, usedUp, ...day }: EvaluationDay): Row {
  return {
    ...day,
    used_up: usedUp,
    ...{ first_idx: firstIndex, last_idx: lastIndex, first_month: firstMonth, last_month: lastMonth },
  }
}
