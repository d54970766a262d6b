/**
 * When a day is over, the log commits to the number of its records by their parties, from where the previous
 * counts ended. Somebody who is later asked "is this all?" cannot leave out what was counted then.
 */
import { randomBytes } from 'node:crypto'
import { type CountRow, countRowText, countsDocument } from '#core/log-export/daily-counts.ts'
import { ownRecord } from '../formats/own-record.ts'
import type { LogDatabase } from '../log-store.ts'
import type { OwnRecord, Writer } from '../records/writer.ts'
import type { Tables } from '../tables.ts'
import { COUNTS_DAY, COUNTS_FIRST, type CountFigures, recordsOf } from './store.ts'

const DAY_MS = 86_400_000
const SALT = 16

/**
 * Call when every record has been indexed. A day without messages is counted together with the next day that
 * has some. The first day of a log is not counted: its end is not known yet.
 */
export async function closeDay(q: {
  log: Pick<LogDatabase, 'dailyCounts' | 'records'>
  writer: Pick<Writer, 'append'>
  now: number
  node: string
  /** The size of the log whose records are to be counted. */
  size: number
}): Promise<void> {
  const { log, now } = q
  const day = Math.floor(now / DAY_MS)
  const closed = await log.records.mark(COUNTS_DAY)
  // Around midnight the clocks of two nodes may show different days.
  if (closed === day || closed === day + 1) return
  // The first day of a log, or a clock that was set back: that day's end is still to come.
  if (closed === undefined || closed > day) return await log.records.setMark(COUNTS_DAY, day)
  const { rows: since, first, indexed } = await log.dailyCounts.since()
  if (!since.some(({ direction }) => direction !== '')) return await log.records.setMark(COUNTS_DAY, day)
  // An older version on another node may have indexed records without counting them. A gap between two counts
  // is visible, not wrong.
  if (first + recordsOf(since) !== indexed) return await log.dailyCounts.restart()
  // Another node's index may lag behind this node's head: the day is closed once it has caught up.
  if (indexed < q.size) return
  try {
    const [result] = await q.writer.append([countsRecord({ ...q, day, since, first, last: indexed - 1 })])
    if (result !== undefined && 'fault' in result) throw result.fault
  } catch (thrown) {
    // Another node closed the day first, or has indexed more records meanwhile and will close it.
    const now = await log.dailyCounts.since()
    if (now.first === first && now.indexed === indexed) throw thrown
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
  const texts = q.since.map((row) => countRowText(rowOf(row)))
  const from = midnight(Math.min(...q.since.map((row) => Date.parse(row.from_time))))
  const to = midnight(Math.max(...q.since.map((row) => Date.parse(row.to_time))) + DAY_MS)
  const document = countsDocument({ first, last, from, to, texts })
  const rows = JSON.stringify(texts)
  const figures = JSON.stringify(figuresOf(q.since))
  return {
    packed: ownRecord({
      kind: 'daily-counts',
      time: q.now,
      metadata: { extra: { first: `${first}`, last: `${last}` }, id: '', node: q.node, requestId: '' },
      message: Buffer.from(document),
    }),
    beside: (idx) => [
      // This row lock orders the commit and concurrent indexing.
      { text: "update mark set value = value where name = 'search'", values: [] },
      // `document` may not be null, so this fails, and with it the commit, when records were counted since or
      // another node has closed the day.
      {
        text: `insert into daily_count (idx, first_idx, last_idx, from_time, to_time, figures, octets, document, rows)
          select cast(? as bigint), cast(? as bigint), cast(? as bigint), cast(? as text), cast(? as text), cast(? as text),
          cast(? as bigint), case when value = cast(? as bigint) and
            (select counted.value from mark as counted where counted.name = '${COUNTS_FIRST}') = cast(? as bigint)
            then cast(? as text) end, cast(? as text)
          from mark where name = 'search'`,
        values: [
          idx,
          first,
          last,
          from,
          to,
          figures,
          document.length + rows.length,
          last + 1,
          first,
          document,
          rows,
        ],
      },
      { text: 'delete from count_since', values: [] },
      { text: `update mark set value = ? where name = '${COUNTS_FIRST}'`, values: [last + 1] },
      { text: `update mark set value = ? where name = '${COUNTS_DAY}'`, values: [q.day] },
    ],
  }
}

/** The totals by secrecy, so that a list of days can be read without the rows. */
function figuresOf(since: Tables['count_since'][]): CountFigures {
  const messages: CountFigures['messages'] = [0, 0, 0]
  let aboutLog = 0
  for (const { direction, secrecy, records } of since) {
    if (direction === '') aboutLog += records
    else messages[secrecy]! += records
  }
  return { aboutLog, messages }
}

/** The midnight that begins this time's day: the times of single exchanges must not be disclosed. */
function midnight(time: number): string {
  return new Date(time - (((time % DAY_MS) + DAY_MS) % DAY_MS)).toISOString()
}

function rowOf(row: Tables['count_since']): CountRow {
  const { client, direction, kind, outcome, peer, records, secrecy, service } = row
  const salt = randomBytes(SALT).toString('base64')
  return { client, direction, kind, outcome, peer, records, salt, secrecy, service }
}
