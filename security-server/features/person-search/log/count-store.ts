/**
 * Counts the records that the index by person has processed, by outcome (`reason`). Counts by day and service
 * show where to look. Counts by month keep sums short: no answer adds up the days of more than two months.
 */
import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { SideStatement } from '../../../message-log/hot-store.ts'
import type { LookedAt, SubjectReason } from './looked-at.ts'
import type { SubjectTables } from './tables.ts'

export type CountedSubjects = {
  day: string
  service: string
  reason: string
  records: Whole
  firstIndex: Whole
  lastIndex: Whole
}

/**
 * Asks which records of a service were processed on these days. With `before`: only counts that begin before
 * this record.
 */
export type LookedQuestion = Days & { service: string; before?: number | undefined }

/** `records` is an upper limit: a day counts as a whole, even if some of its records came after `before`. */
export type Looked = { records: Whole; firstIndex: Whole; lastDay: string }

/** Records of one service that are not covered, for one reason. `since`: the day of the first one. */
export type ServiceGap = { service: string; reason: string; since: string; records: Whole }

/** UTC days, both included. */
type Days = { from?: string | undefined; to?: string | undefined }

/** The same condition as in the database index `subject_gap`, so that the index is used. */
const NOT_COVERED = sql<boolean>`reason not in ('indexed', 'not_personal')`
const LAST = '9'

export function createSubjectCountStore(database: Database) {
  const kysely = tablesOf<SubjectTables>(database)

  const within = ({ from = '', to = LAST }: Days) =>
    kysely.selectFrom('subject_count').where('day', '>=', from).where('day', '<=', to)

  return {
    /** Only records that are not covered, the newest day first. */
    gaps: async (q: Days & { limit: number }): Promise<CountedSubjects[]> => {
      const rows = await within(q)
        .select(['day', 'service', 'reason', 'records', 'first_idx', 'last_idx'])
        .where(NOT_COVERED)
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

    /** Of the services that a subsystem has, and of those that it called. */
    gapsOf: async (q: { subsystem: string; limit: number }): Promise<ServiceGap[]> => {
      const prefix = `${q.subsystem}/`
      const called = kysely
        .selectFrom('traffic')
        .select('traffic.service')
        .where('direction', '=', 'out')
        .where('client', '=', q.subsystem)
        .where('secrecy', '=', 0)
      const rows = await kysely
        .selectFrom('subject_count')
        .select(['service', 'reason'])
        .select(({ fn }) => [fn.min('day').as('since'), fn.sum<number>('records').as('records')])
        .where(NOT_COVERED)
        .where((is) =>
          is.or([
            // A prefix without wildcards: codes may have any character.
            sql<boolean>`substr(service, 1, ${sql.lit(prefix.length)}) = ${prefix}`,
            is('service', 'in', called),
          ]),
        )
        .groupBy(['service', 'reason'])
        .orderBy('service')
        .orderBy('reason')
        .limit(q.limit)
        .execute()
      return rows.map(({ records, ...row }) => ({ ...row, records: Number(records) }))
    },

    /** Undefined when no record was processed. */
    looked: async ({ service, before, ...days }: LookedQuestion): Promise<Looked | undefined> => {
      const row = await within(days)
        .where('service', '=', service)
        .$if(before !== undefined, (query) => query.where('first_idx', '<', before!))
        .select(({ fn }) => [
          fn.sum<number>('records').as('records'),
          fn.min('first_idx').as('first'),
          fn.max('day').as('day'),
        ])
        .executeTakeFirst()
      if (row?.records === undefined || row.records === null) return undefined
      return { records: Number(row.records), firstIndex: Number(row.first), lastDay: row.day }
    },

    /** The number of records by reason. */
    totals: async ({ from = '', to = LAST }: Days): Promise<Map<string, number>> => {
      const [first, last] = [from.slice(0, 7), to.slice(0, 7)]
      const ofDays = (days: Days) =>
        within(days)
          .select(({ fn }) => ['reason', fn.sum<number>('records').as('records')])
          .groupBy('reason')
          .execute()
      const ofMonthsBetween = () =>
        kysely
          .selectFrom('subject_total')
          .select(({ fn }) => ['reason', fn.sum<number>('records').as('records')])
          .where('month', '>', first)
          .where('month', '<', last)
          .groupBy('reason')
          .execute()
      const parts =
        first === last
          ? [await ofDays({ from, to })]
          : [
              first === '' ? [] : await ofDays({ from, to: `${first}-31` }),
              await ofMonthsBetween(),
              last === LAST ? [] : await ofDays({ from: `${last}-01`, to }),
            ]
      const totals = new Map<string, number>()
      for (const { reason, records } of parts.flat())
        totals.set(reason, (totals.get(reason) ?? 0) + Number(records))
      return totals
    },
  }
}

/** Adds the counts of these records, in the transaction that indexes them. */
export async function addCounts(transaction: Kysely<SubjectTables>, records: LookedAt[]): Promise<void> {
  for (const row of countsOf(records))
    await transaction
      .insertInto('subject_count')
      .values(row)
      .onConflict((conflict) =>
        conflict.columns(['day', 'key']).doUpdateSet((old) => ({
          records: old('subject_count.records', '+', row.records),
          last_idx: row.last_idx,
        })),
      )
      .execute()
  for (const row of totalsOf(records))
    await transaction
      .insertInto('subject_total')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .columns(['month', 'reason'])
          .doUpdateSet((old) => ({ records: old('subject_total.records', '+', row.records) })),
      )
      .execute()
}

/**
 * Counts an indexed record as erased. Must run in the erasure's commit, before the record's entries are
 * deleted.
 */
export function countErased({
  idx,
  day,
  service,
}: Pick<LookedAt, 'idx' | 'day' | 'service'>): SideStatement[] {
  const reason: SubjectReason = 'erased'
  const total = {
    text: `insert into subject_total (month, reason, records)
      select ?, ?, 1 where exists (select 1 from subject where idx = ?)
      on conflict (month, reason) do update set records = subject_total.records + 1`,
    values: [day.slice(0, 7), reason, idx],
  }
  const count = {
    text: `insert into subject_count (day, key, service, reason, records, first_idx, last_idx)
      select ?, ?, ?, ?, 1, ?, ? where exists (select 1 from subject where idx = ?)
      on conflict (day, key) do update set records = subject_count.records + 1,
        first_idx = case when excluded.first_idx < subject_count.first_idx then excluded.first_idx
          else subject_count.first_idx end,
        last_idx = case when excluded.last_idx > subject_count.last_idx then excluded.last_idx
          else subject_count.last_idx end`,
    values: [day, countKey(service, reason), service, reason, idx, idx, idx],
  }
  return [count, total]
}

function countKey(service: string, reason: string): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([service, reason]))
    .digest()
}

function countsOf(records: LookedAt[]): SubjectTables['subject_count'][] {
  const counted = new Map<string, SubjectTables['subject_count']>()
  for (const { idx, day, service, reason } of records) {
    if (reason === undefined) continue
    const name = JSON.stringify([day, service, reason])
    const known = counted.get(name)
    if (known === undefined) {
      const key = countKey(service, reason)
      counted.set(name, { day, key, service, reason, records: 1, first_idx: idx, last_idx: idx })
      continue
    }
    known.records++
    known.last_idx = idx
  }
  return [...counted.values()]
}

function totalsOf(records: LookedAt[]): SubjectTables['subject_total'][] {
  const counted = new Map<string, SubjectTables['subject_total']>()
  for (const { day, reason } of records) {
    if (reason === undefined) continue
    const month = day.slice(0, 7)
    const known = counted.get(`${month} ${reason}`)
    if (known === undefined) counted.set(`${month} ${reason}`, { month, reason, records: 1 })
    else known.records++
  }
  return [...counted.values()]
}
