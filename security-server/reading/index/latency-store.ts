/**
 * How long answers took, by hour, client and service: from a request's record to that of its reply. The job
 * that indexes records counts them in its own transaction, so that nothing on the path of a message waits for
 * it, and a crash neither loses nor doubles one.
 */
import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { addCounts, classOf, type LatencyCounts, writeCounts } from './latency.ts'
import type { SearchRow } from './search-filter.ts'
import type { IndexTables } from './tables.ts'
import { type DimensionFilter, hourOf } from './traffic-store.ts'

const HOUR_MS = 3_600_000
/** How long an hour is kept. */
const LATENCY_DAYS = 35
/** A question may be about hundreds of thousands. */
const ROWS_AT_ONCE = 5000

type Row = IndexTables['latency']

/** Some rows, newest hours first. */
export type Latencies = Pick<Row, 'hour' | 'client' | 'service' | 'direction' | 'counts'>[]

export type LatencyQuestion = {
  /** Hours; `from` is included, `to` is not. */
  from: string
  to: string
  filter: Pick<DimensionFilter, 'client' | 'service' | 'direction' | 'clearance'>
  /** Where a page ended. */
  after?: LatencyPlace | undefined
}
type LatencyPlace = { hour: string; key: string }
export type LatencyPage = { rows: Latencies; next?: LatencyPlace }

/** All rows of a question, a page at a time, so that summing them up takes no memory for each. */
export async function* allLatencies(
  log: { latencies(question: LatencyQuestion): Promise<LatencyPage> },
  question: Omit<LatencyQuestion, 'after'>,
): AsyncGenerator<Latencies> {
  let after: LatencyPlace | undefined
  do {
    const { rows, next } = await log.latencies({ ...question, after })
    yield rows
    after = next
  } while (after !== undefined)
}

export function createLatencyStore(database: Database) {
  const kysely = tablesOf<IndexTables>(database)
  return {
    /** Call it once for each row, in the transaction that adds it and in which no other node adds any. */
    countLatency: async (transaction: Kysely<IndexTables>, rows: SearchRow[]): Promise<void> => {
      const replies = rows.filter(({ kind, answers }) => kind === 'reply' && answers !== null)
      if (replies.length === 0) return
      const asked = await timesOf(transaction, rows, replies)
      const counted = new Map<string, Row & { classes: LatencyCounts }>()
      for (const reply of replies) {
        const began = asked.get(Number(reply.answers))
        if (began === undefined) continue
        const row = rowOf(reply)
        const name = `${row.hour} ${row.key.toString('hex')}`
        const known = counted.get(name) ?? { ...row, classes: new Map<number, number>() }
        counted.set(name, known)
        const one = classOf(Date.parse(reply.time) - Date.parse(began))
        known.classes.set(one, (known.classes.get(one) ?? 0) + 1)
      }
      for (const { classes, ...row } of counted.values()) {
        const before = await transaction
          .selectFrom('latency')
          .select('counts')
          .where('hour', '=', row.hour)
          .where('key', '=', row.key)
          .executeTakeFirst()
        if (before !== undefined) addCounts(classes, before.counts)
        const counts = writeCounts(classes)
        await transaction
          .insertInto('latency')
          .values({ ...row, counts })
          .onConflict((conflict) => conflict.columns(['hour', 'key']).doUpdateSet({ counts }))
          .execute()
      }
      await forgetOld(transaction, replies.at(-1)!.time)
    },

    /** At most ROWS_AT_ONCE rows, with where the others begin if there are any. */
    latencies: async ({ from, to, filter, after }: LatencyQuestion): Promise<LatencyPage> => {
      let query = kysely
        .selectFrom('latency')
        .select(['hour', 'key', 'client', 'service', 'direction', 'counts'])
        .where('hour', '>=', from)
        .where('secrecy', '<=', filter.clearance ?? 0)
      for (const name of ['client', 'service', 'direction'] as const) {
        const value = filter[name]
        if (value !== undefined) query = query.where(name, '=', value)
      }
      const ordered = query.orderBy('hour', 'desc').orderBy('key')
      // Two queries in place of one with `or`, so that both stores go on at the key of the index.
      const key = Buffer.from(after?.key ?? '', 'hex')
      const rows =
        after === undefined
          ? []
          : await ordered.where('hour', '=', after.hour).where('key', '>', key).limit(ROWS_AT_ONCE).execute()
      if (rows.length < ROWS_AT_ONCE) {
        const older = ordered.where('hour', '<', after?.hour ?? to)
        rows.push(...(await older.limit(ROWS_AT_ONCE - rows.length).execute()))
      }
      const last = rows.length < ROWS_AT_ONCE ? undefined : rows.at(-1)
      return {
        rows: rows.map(({ key: _, ...row }) => row),
        ...(last && { next: { hour: last.hour, key: last.key.toString('hex') } }),
      }
    },
  }
}

/** When the requests were recorded that these replies answer. Those of erased requests are unknown. */
async function timesOf(
  transaction: Kysely<IndexTables>,
  rows: SearchRow[],
  replies: SearchRow[],
): Promise<Map<number, string>> {
  const times = new Map(rows.map(({ idx, time }) => [Number(idx), time]))
  const missing = replies.map(({ answers }) => Number(answers)).filter((idx) => !times.has(idx))
  if (missing.length === 0) return times
  const earlier = await transaction
    .selectFrom('search')
    .select(['idx', 'time'])
    .where('idx', 'in', missing)
    .execute()
  for (const { idx, time } of earlier) times.set(Number(idx), time)
  return times
}

function rowOf({ time, direction, client, service, secrecy }: SearchRow): Row {
  const facts = { direction, client, service, secrecy }
  const key = createHash('sha256')
    .update(JSON.stringify(Object.values(facts)))
    .digest()
  return { hour: hourOf(time), key, ...facts, counts: '' }
}

async function forgetOld(transaction: Kysely<IndexTables>, newest: string): Promise<void> {
  const first = new Date(Date.parse(newest) - LATENCY_DAYS * 24 * HOUR_MS).toISOString()
  await transaction.deleteFrom('latency').where('hour', '<', hourOf(first)).execute()
}
