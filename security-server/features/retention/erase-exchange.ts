/**
 * Erases an exchange by order: all its records in this log in one commit, or none if a hold covers one of
 * them.
 */
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { EndMode, Erased, Erasure } from '../../message-log/erasure/erase.ts'
import type { KeyFinder } from '../../message-log/records/open-record.ts'
import type { Settled } from '../../message-log/records/settled.ts'
import { receiptsAmong } from '../../reading/evidence/delivery-records.ts'
import { lastNamed, readEvidence, type StoredEvidence } from '../../reading/evidence/read-evidence.ts'
import type { SearchRow } from '../../reading/index/search-filter.ts'
import type { EndedLog } from './ended-log.ts'
import { holdsOf } from './take-due.ts'

const PAGE = 500
/** Each one after the first has an erasure by another node in the middle of the one before. */
const MOST_LOOKS = 3

export type ErasureOrder = {
  /** Index of any record of the exchange. */
  index: number
  mode: EndMode
  case: string
  reason: string
  /** Reference of the order, for example a court's file number. */
  reference?: string | undefined
}

type Erasing = {
  order: ErasureOrder
  now: number
  log: EndedLog
  settled: Pick<Settled, 'readWithin'>
  findKey: KeyFinder
  erase(erasures: Erasure[], holds: number): Promise<Erased[]>
}

/**
 * Within the writer's turn. The search index must hold all records of the exchange. Throws
 * `under_legal_hold`, `conflict` when nothing is left to erase, and no crash brings it back, `not_found`, and
 * `invalid_input` for a record of the log about itself.
 */
export async function eraseExchange(q: Erasing): Promise<Erased[]> {
  for (let looks = 1; ; looks++) {
    const { erasures, holds } = await whatIsLeft(q)
    try {
      return await q.erase(erasures, holds)
    } catch (thrown) {
      // Another node has erased one of them since, perhaps not for good yet: the next look waits for that.
      if (asFault(thrown).code !== 'conflict' || looks === MOST_LOOKS) throw thrown
    }
  }
}

async function whatIsLeft(q: Omit<Erasing, 'erase'>): Promise<{ erasures: Erasure[]; holds: number }> {
  const { index, mode, case: caseNumber, reason, reference } = q.order
  const { number, holds } = await q.log.holds.active()
  // Whoever is told that all is erased must not be told so by what a crash takes back.
  const exchange = await q.settled.readWithin(
    () => exchangeOf(q.log, index, q.findKey),
    (records) => Math.max(...records.map(lastNamed)),
  )
  const left = exchange.filter((record) => isLeft(record, mode)).map((record) => record.index)
  if (left.length === 0) throw new Fault('conflict', { what: say`record ${index} is erased already` })
  const [held] = await holdsOf(q.log.search, left, holds)
  if (held !== undefined) {
    const [record, { id, caseNumber: of }] = held
    throw new Fault('under_legal_hold', { what: `record ${record}: hold ${id}, case ${of}` })
  }
  const effective = new Date(q.now).toISOString()
  const extra = { reason, case: caseNumber, effective, ...(reference === undefined ? {} : { reference }) }
  return { erasures: left.map((one) => ({ index: one, mode, extra })), holds: number }
}

/**
 * The record, the one that it answers, all that answer that one, and the receipts of a delivery that they
 * carried. A record that was erased down to its leaf no longer leads to the others.
 */
async function exchangeOf(log: EndedLog, index: number, findKey: KeyFinder): Promise<StoredEvidence[]> {
  const asked = await readEvidence(log, index, findKey)
  if ((JSON.parse(asked.form) as { direction: string }).direction === '')
    throw new Fault('invalid_input', { what: say`a record of the log about itself is not erased` })
  const first = asked.metadata?.answers ?? index
  const id = asked.metadata?.id ?? ''
  const rows = id === '' ? [] : await rowsOf(log, id, first)
  const indexes = rows.filter(({ idx, answers }) => idx === first || answers === first).map(({ idx }) => idx)
  const receipts = receiptsAmong(rows, asked.metadata ?? {})
  const all = [...new Set([index, first, ...indexes, ...receipts])].sort((a, b) => a - b)
  const records: StoredEvidence[] = []
  for (const one of all) records.push(await readEvidence(log, one, findKey))
  return records
}

/** All rows of the exchange that this record began, and all receipts with its id, newest first. */
async function rowsOf({ search, records }: EndedLog, queryId: string, first: number): Promise<SearchRow[]> {
  const { size } = await records.head()
  // An order is for what nobody may see, too.
  const filter = { queryId, exchangeOf: first, clearance: 2 as const, limit: PAGE }
  const rows = await search.list(filter, size)
  for (let page = rows; page.length === PAGE; rows.push(...page))
    page = await search.list({ ...filter, before: rows.at(-1)!.idx }, size)
  return rows
}

function isLeft({ erased, metadata, proofErasureIndex }: StoredEvidence, mode: EndMode): boolean {
  if (erased === undefined) return true
  return mode === 'LEAF_ONLY' && metadata !== undefined && proofErasureIndex === undefined
}
