/**
 * Lists records newest first with the help of the hourly counts: hour by hour, and within an hour one stretch
 * of indexes at a time. A walk that takes too long ends early and returns where it stopped, so that the next
 * one can continue there.
 */
import type { ExpressionBuilder, Kysely } from 'kysely'
import { isOfActors } from './list-of-actors.ts'
import type { HashedFilter, SearchRow } from './search-filter.ts'
import type { IndexTables } from './tables.ts'
import { HOUR, hourAfter, hourOf, type TrafficStore } from './traffic-store.ts'

/**
 * `searchedTo` is set when the walk ended early: it looked at this record and at everything newer. Absent
 * when it reached the end.
 */
export type SomeRows<Row> = { rows: Row[]; searchedTo?: number }

type Conditions = (is: ExpressionBuilder<IndexTables, 'search'>) => ReturnType<typeof isOfActors>

/** How many hours one query of the counts returns. */
const SPANS_AT_ONCE = 64
const FIRST_HOUR = '0'
const LAST_HOUR = '9999'

/** A walk looks at one stretch at least, and starts no further one after `ms` milliseconds. */
export type Budget = {
  ms: number
  /** How many indexes one query covers. */
  stretch: number
}

/** A search should take 200 ms at most; the stretch that is running when the time ends is added to these. */
export const USUAL_BUDGET: Budget = { ms: 100, stretch: 16_384 }

/** The hourly counts say where to look: only between the first and the last matching record of each hour. */
export async function listBySpans(q: {
  kysely: Kysely<IndexTables>
  traffic: Pick<TrafficStore, 'spans'>
  filter: HashedFilter & { before?: number }
  limit: number
  /** The time of a record, even if it was erased. */
  timeOf(idx: number): Promise<string | undefined>
  /** The other conditions of the search. */
  rest: Conditions
  budget: Budget
}): Promise<SomeRows<SearchRow>> {
  const { kysely, filter, limit } = q
  const { before, from, to } = filter
  const { ms, stretch } = q.budget
  const over = performance.now() + ms
  const time = before === undefined ? undefined : await q.timeOf(before)
  const start = time === undefined ? undefined : hourOf(time)
  const bounds = [to, time].flatMap((one) => (one === undefined ? [] : [hourAfter(one)]))
  let ends = [LAST_HOUR, ...bounds].sort()[0]!
  const rows: SearchRow[] = []
  const within = (hour: string, first: number, end: number) =>
    kysely.selectFrom('search').where('idx', '>=', first).where('idx', '<=', end).where(HOUR, '=', hour)
  for (;;) {
    const spans = await q.traffic.spans({
      filter,
      from: from === undefined ? FIRST_HOUR : hourOf(from),
      to: ends,
      limit: SPANS_AT_ONCE,
    })
    for (const { hour, first, last } of spans) {
      for (let end = hour === start ? Math.min(last, before! - 1) : last; end >= first; end -= stretch) {
        const begin = Math.max(first, end - stretch + 1)
        const found = await within(hour, begin, end)
          .selectAll()
          .where(q.rest)
          .where((is) => isOfActors(is, filter, begin, end))
          .orderBy('idx', 'desc')
          .limit(limit - rows.length)
          .execute()
        rows.push(...found)
        if (rows.length >= limit) return { rows }
        if (performance.now() < over) continue
        // The next walk must continue from a record of this hour, because times need not rise with indexes.
        const { searchedTo } =
          begin === first
            ? { searchedTo: first }
            : await within(hour, begin, end)
                .select(({ fn }) => fn.min<number | null>('idx').as('searchedTo'))
                .executeTakeFirstOrThrow()
        if (searchedTo !== null) return { rows, searchedTo: Number(searchedTo) }
      }
    }
    const oldest = spans.at(-1)
    if (oldest === undefined || spans.length < SPANS_AT_ONCE) return { rows }
    ends = oldest.hour
  }
}
