/**
 * Fills the search index from where it stopped: from memory for recent records, else from the decrypted
 * records.
 */
import { type ActorKind, actorsOf } from '#core/log-export/actors.ts'
import { NOT_TOLD } from '#core/log-export/daily-counts.ts'
import type { CountedRecord } from '../../message-log/daily-counts/count-since.ts'
import type { LogKey } from '../../message-log/formats/seal.ts'
import type { Metadata } from '../../message-log/record-input.ts'
import type { KeyFinder } from '../../message-log/records/open-record.ts'
import { openRecord, openRemainder } from '../../message-log/records/open-record.ts'
import type { RecentRecords } from '../../message-log/records/recent-records.ts'
import type { RecordStore } from '../../message-log/records/store.ts'
import { ACTOR_COLUMNS, createActorHasher } from './actors.ts'
import { blockOf } from './block-store.ts'
import type { SearchRow } from './search-filter.ts'
import type { SearchStore } from './store.ts'
import type { NamedTerms, TermsStore } from './terms-store.ts'

const AT_ONCE = 1000

/** What the index needs from a record's leaf form, or from its copy in memory. */
type Facts = { kind: string; direction: string; time: string; outcome: string; contract: string }

/** Indexes at most 1,000 records below `size`. Returns the number of records that are indexed now. */
export async function indexRecords(q: {
  records: RecordStore
  search: SearchStore
  terms: TermsStore
  size: number
  recent: RecentRecords
  findKey: KeyFinder
  /** The key for the hashes of user ids and represented parties. */
  logKey: LogKey
}): Promise<number> {
  const start = (await q.records.mark('search')) ?? 0
  const end = Math.min(start + AT_ONCE, q.size)
  if (start >= end) return start
  const { rows, said, others, named } =
    fromMemory(q.recent, start, end) ?? (await fromDatabase(q, start, end))
  for (const [at, row] of rows.entries()) row.terms = await q.terms.termsOf(named[at]!)
  await nameActors(q, rows, said)
  // Who waits for the index would miss records if another node had moved the mark less far.
  return await q.search.add(rows, { from: start, to: end, others })
}

/**
 * `rows` can be searched for. `said` and `named` belong to them, row by row: the record's metadata, and where
 * its contract, purpose and endpoint come from. `others` are only counted.
 */
type Indexed = { rows: SearchRow[]; said: Metadata[]; others: CountedRecord[]; named: NamedTerms[] }

const hashActor = createActorHasher()

/** A record that answers a request gets the actors of that request, so that a search for them finds both. */
async function nameActors(
  q: { records: RecordStore; recent: RecentRecords; findKey: KeyFinder; logKey: LogKey },
  rows: SearchRow[],
  said: Metadata[],
): Promise<void> {
  const byIndex = new Map(rows.map(({ idx }, at) => [Number(idx), said[at]!]))
  for (const [at, row] of rows.entries()) {
    const { answers } = said[at]!
    const request =
      answers === undefined
        ? said[at]
        : (byIndex.get(answers) ?? q.recent.get(answers)?.metadata ?? (await metadataOf(q, answers)))
    const actors = Object.entries(actorsOf(request)) as [ActorKind, string][]
    for (const [kind, name] of actors)
      row[ACTOR_COLUMNS[kind]] = hashActor(q.logKey, blockOf(Number(row.idx)), { kind, name })
  }
}

/** Undefined when the erasure kept no metadata. */
async function metadataOf(
  q: { records: RecordStore; findKey: KeyFinder },
  idx: number,
): Promise<Metadata | undefined> {
  const [record] = await q.records.from(idx, 1)
  const opened = record?.idx === idx ? openRecord(record, q.findKey) : undefined
  return (opened ?? openRemainder(await q.records.remainder(idx), q.findKey))?.metadata
}

function fromMemory(recent: RecentRecords, start: number, end: number): Indexed | undefined {
  const indexed: Indexed = { rows: [], said: [], others: [], named: [] }
  for (let idx = start; idx < end; idx++) {
    const record = recent.get(idx)
    if (record === undefined) return undefined
    const { kind, direction, outcome, contract, metadata } = record
    const time = new Date(record.time).toISOString()
    take(indexed, idx, { kind, direction, outcome, contract, time }, metadata)
  }
  return indexed
}

async function fromDatabase(
  q: { records: RecordStore; findKey: KeyFinder },
  start: number,
  end: number,
): Promise<Indexed> {
  const indexed: Indexed = { rows: [], said: [], others: [], named: [] }
  for (const record of await q.records.from(start, end - start)) {
    take(indexed, record.idx, JSON.parse(record.form) as Facts, openRecord(record, q.findKey)?.metadata)
  }
  return indexed
}

/**
 * Records of the log about itself are not messages, and erased records have no metadata: both are only
 * counted.
 */
function take(indexed: Indexed, idx: number, facts: Facts, metadata: Metadata | undefined): void {
  const { time, kind, direction, outcome } = facts
  if (direction !== '' && metadata !== undefined) {
    const { circumstances, secrecy = 0 } = metadata
    indexed.rows.push(rowOf(idx, facts, metadata))
    indexed.said.push(metadata)
    indexed.named.push({ circumstances, contract: facts.contract, secrecy })
    return
  }
  const party = direction === '' ? '' : NOT_TOLD
  const parties = { client: party, service: party, peer: party }
  indexed.others.push({ time, kind, direction, outcome, ...parties, secrecy: 0 })
}

/** The row of a message. All its values are ones that the leaf commits to. */
export function rowOf(idx: number, facts: Facts, metadata: Metadata): SearchRow {
  return {
    idx,
    time: facts.time,
    kind: facts.kind,
    direction: facts.direction,
    outcome: facts.outcome,
    query_id: metadata.id,
    request_id: metadata.requestId,
    client: metadata.client ?? '',
    service: metadata.service ?? '',
    peer: metadata.peer ?? '',
    answers: metadata.answers ?? null,
    keep_days: metadata.keepDays ?? null,
    secrecy: metadata.secrecy ?? 0,
    terms: 0,
    user_hash: null,
    party_hash: null,
  }
}
