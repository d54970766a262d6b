/**
 * Records that what is counted by hour leads to, newest first: an hour at a time, a stretch of indexes at a time. Nobody waits for a
 * walk that finds little: after a while it says how far it came, and the next one goes on from there.
 */
import type { ExpressionBuilder, Kysely } from 'kysely'
import { isOfActors } from './list-of-actors.ts'
import type { HashedFilter, SearchRow } from './search-filter.ts'
import type { IndexTables } from './tables.ts'
import { HOUR, hourAfter, hourOf, type TrafficStore } from './traffic-store.ts'

/** `searchedTo`: a walk that ended early looked at everything newer than this record, and at it; absent when it came to its end. */
export type SomeRows<Row> = { rows: Row[]; searchedTo?: number }

type Conditions = (is: ExpressionBuilder<IndexTables, 'search'>) => ReturnType<typeof isOfActors>

/** Hours whose place is asked for at once. */
const SPANS_AT_ONCE = 64
const FIRST_HOUR = '0'
const LAST_HOUR = '9999'

/** A walk looks at one stretch at least, and begins no other after so many milliseconds. */
export type Budget = {
  ms: number
  /** Indexes that one query looks at. */
  stretch: number
}

/** A search is to take 200 ms at most, and the stretch under way when its time is over comes on top. */
export const USUAL_BUDGET: Budget = { ms: 100, stretch: 16_384 }

/** Only where the counts say that something is: between the first and the last of an hour that fits. */
export async function listBySpans(q: {
  kysely: Kysely<IndexTables>
  traffic: Pick<TrafficStore, 'spans'>
  filter: HashedFilter & { before?: number }
  limit: number
  /** The time of a record, also of one that was erased. */
  timeOf(idx: number): Promise<string | undefined>
  /** All else that narrows the search. */
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
        // Goes on from a record of this very hour: times need not rise with indexes.
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
