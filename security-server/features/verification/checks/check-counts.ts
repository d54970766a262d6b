/**
 * Checks daily counts: their record commits to them, they count records before it, their rows add up, and the
 * rows match these records.
 */
import { hash } from 'node:crypto'
import { countRowDigest, readCountRow, readCountsDocument } from '#core/log-export/daily-counts.ts'
import { say } from '#schemas/said.ts'
import { SECTION } from '../../../message-log/formats/content.ts'
import type { OpenedRecord } from '../../../message-log/records/open-record.ts'
import { inconsistent } from './inconsistent.ts'
import { recount } from './recount.ts'
import type { LogSource } from './source.ts'

/** Throws `log_inconsistent`, or `malformed_bundle` for a document of another form. */
export async function checkCounts(q: {
  idx: number
  opened: OpenedRecord | undefined
  source: LogSource
}): Promise<void> {
  const { idx, opened, source } = q
  if (source.dailyCounts === undefined) return
  const stored = await source.dailyCounts(idx)
  if (stored === undefined) throw inconsistent(say`the daily counts that it commits to are missing`)
  const digest = opened?.sections[SECTION.messageDigest]
  if (opened !== undefined && digest?.equals(hash('sha512', stored.document, 'buffer')) !== true)
    throw inconsistent(say`the daily counts are not those that it commits to`)
  const { first, last, rows } = readCountsDocument(stored.document)
  const digests = stored.rows.map(countRowDigest).sort()
  const sum = stored.rows.reduce((all, row) => all + readCountRow(row).records, 0)
  if (digests.join() !== rows.join() || sum !== last - first + 1 || last >= idx)
    throw inconsistent(say`the rows of the daily counts`)
  await recount(stored, source)
}
