/**
 * Once a day is over the log commits to how many records it holds of whom, from where the counts before ended: whoever is asked
 * later "is this all?" cannot have left out what was counted then.
 */
import { randomBytes } from 'node:crypto'
import { type CountRow, countRowText, countsDocument, UNKNOWN_PARTY } from '#core/log-export/daily-counts.ts'
import type { LogDatabase } from '../log-database.ts'
import { ownRecord } from '../own-record.ts'
import type { OwnRecord, Writer } from '../records/writer.ts'
import type { Tables } from '../tables.ts'
import { COUNTS_DAY, COUNTS_FIRST, recordsOf } from './store.ts'

const DAY_MS = 86_400_000
const SALT = 16
/** Pairs of parties beyond so many, the smallest, are counted together: a server speaks with fewer. */
export const MAX_ROWS = 20_000

/**
 * For whoever has just indexed every record. A day without messages waits for the next one with some. On the first day of a log
 * nothing is counted yet: its end is not known.
 */
export async function closeDay(q: {
  log: Pick<LogDatabase, 'dailyCounts' | 'records'>
  writer: Pick<Writer, 'append'>
  now: number
  node: string
}): Promise<void> {
  const { log, now } = q
  const day = Math.floor(now / DAY_MS)
  const closed = await log.records.mark(COUNTS_DAY)
  if (closed === day) return
  if (closed === undefined) return await log.records.setMark(COUNTS_DAY, day)
  const { rows: since, first, indexed } = await log.dailyCounts.since()
  if (!since.some(({ direction }) => direction !== '')) return await log.records.setMark(COUNTS_DAY, day)
  // On another node a version may have indexed that does not count: a gap between two stretches is open, not wrong.
  if (first + recordsOf(since) !== indexed) return await log.dailyCounts.restart()
  try {
    const [result] = await q.writer.append([countsRecord({ ...q, day, since, first, last: indexed - 1 })])
    if (result !== undefined && 'fault' in result) throw result.fault
  } catch (thrown) {
    // Another node was faster, or has indexed meanwhile and will be.
    if ((await log.records.mark('search')) === indexed && (await log.records.mark(COUNTS_DAY)) !== day)
      throw thrown
  }
}

function countsRecord(q: {
  since: Tables['count_since'][]
  first: number
  last: number
  day: number
  now: number
  node: string
}): OwnRecord {
  const { first, last } = q
  const texts = rowsOf(q.since).map(countRowText)
  const from = q.since.map(({ from_time }) => from_time).sort()[0]!
  const to = q.since
    .map(({ to_time }) => to_time)
    .sort()
    .at(-1)!
  const document = countsDocument({ first, last, from, to, texts })
  return {
    packed: ownRecord({
      kind: 'daily-counts',
      time: q.now,
      metadata: { extra: { first: `${first}`, last: `${last}` }, id: '', node: q.node, requestId: '' },
      message: Buffer.from(document),
    }),
    beside: (idx) => [
      // Who is indexing meanwhile waits for this commit, or this commit for them.
      { text: "update mark set value = value where name = 'search'", values: [] },
      // Fails, and with it the commit, when something was counted since: `document` may not be null.
      {
        text: `insert into daily_count (idx, document, rows) select cast(? as bigint),
          case when value = cast(? as bigint) then cast(? as text) end, cast(? as text)
          from mark where name = 'search'`,
        values: [idx, last + 1, document, JSON.stringify(texts)],
      },
      { text: 'delete from count_since', values: [] },
      { text: `update mark set value = ? where name = '${COUNTS_FIRST}'`, values: [last + 1] },
      { text: `update mark set value = ? where name = '${COUNTS_DAY}'`, values: [q.day] },
    ],
  }
}

/** Salted, in no order that tells anything once their digests are sorted. */
function rowsOf(since: Tables['count_since'][]): CountRow[] {
  const rows = since.slice(0, MAX_ROWS).map((row) => rowOf(row))
  const rest = new Map<string, CountRow>()
  for (const row of since.slice(MAX_ROWS)) {
    const parties =
      row.direction === '' ? {} : { client: UNKNOWN_PARTY, service: UNKNOWN_PARTY, peer: UNKNOWN_PARTY }
    const name = JSON.stringify([row.direction, row.kind, row.outcome, row.secrecy])
    const known = rest.get(name)
    if (known === undefined) rest.set(name, rowOf({ ...row, ...parties }))
    else known.records += row.records
  }
  return [...rows, ...rest.values()]
}

function rowOf(row: Tables['count_since']): CountRow {
  const { client, direction, kind, outcome, peer, records, secrecy, service } = row
  const salt = randomBytes(SALT).toString('base64')
  return { client, direction, kind, outcome, peer, records, salt, secrecy, service }
}
