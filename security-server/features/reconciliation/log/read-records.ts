/**
 * Reads a range of the log for one pair of members: digests and times, no content. Records of other members are left out, and
 * receipts of deliveries, which end no exchange. For
 * erased records nobody can say whose they were, so what is left of each is returned.
 */
import { hash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { isReceiptKind } from '#core/delivery/receipt.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import type { ComparedRecord, ErasedRecord, Stretch } from '#core/reconciliation/assemble.ts'
import { signingTimeOf } from '#core/reconciliation/day.ts'
import { SECTION, type Sections } from '../../../message-log/content.ts'
import { type KeyFinder, openRecord } from '../../../message-log/open-record.ts'
import type { RecordStore } from '../../../message-log/records/store.ts'
import type { SearchRow } from '../../../reading/index/search-filter.ts'
import type { ReconciliationStore } from './store.ts'

/** How many records one call covers. */
export const STRETCH = 500
/** How many records are opened before the log's thread lets waiting writes run. */
const AT_ONCE = 25

/** Member identifiers as text. */
export type MemberPair = { own: string; peer: string }

/** The records from `first` to `last`, at most STRETCH. */
export async function readRecords(
  log: { records: RecordStore; reconciliation: ReconciliationStore },
  q: { pair: MemberPair; first: number; last: number },
  findKey: KeyFinder,
): Promise<Stretch> {
  const last = Math.min(q.last, q.first + STRETCH - 1)
  const rows = await log.reconciliation.rows(q.first, last)
  const records: ComparedRecord[] = []
  const compared = rows.filter((one) => !isReceiptKind(one.kind) && isBetween(one, q.pair))
  for (const [i, row] of compared.entries()) {
    if (i % AT_ONCE === AT_ONCE - 1) await setImmediate()
    const record = await readRecord(log, row, findKey)
    if (record !== undefined) records.push(record)
  }
  const bare = rows.filter((row) => row.client === '' && row.kind === 'request')
  const erased = await log.reconciliation.erased(q.first, last)
  return {
    records,
    erased: erased.map(({ idx, form }) => erasedRecord(idx, JSON.parse(form) as LeafFields)),
    bare: bare.map(({ idx, direction, request_id }) => ({
      index: Number(idx),
      direction: direction as 'in' | 'out',
      requestId: request_id,
    })),
  }
}

/**
 * Whether the record belongs to the pair: one of the two is the client's member, the other the service's. If a server has both
 * members, the direction decides: a request that was sent is our member's, one that was received is the other member's.
 */
function isBetween(
  { kind, direction, answers: answered, client, service }: SearchRow,
  { own, peer }: MemberPair,
): boolean {
  const [asks, answers] = [memberPart(client), memberPart(service)]
  const weAsk = asks === own && answers === peer
  const theyAsk = asks === peer && answers === own
  // A refusal of a request that was not logged. The request was sent to us.
  if (kind === 'refusal' && answered === null) return theyAsk
  if (kind !== 'request') return weAsk || theyAsk
  return direction === 'out' ? weAsk : theyAsk
}

/** The member part of an identifier. */
export function memberPart(id: string): string {
  return id.split('/', 3).join('/')
}

async function readRecord(
  log: { records: RecordStore },
  row: SearchRow,
  findKey: KeyFinder,
): Promise<ComparedRecord | undefined> {
  const index = Number(row.idx)
  const stored = await log.records.get(index)
  const opened = openRecord(stored, findKey)
  // Erased between the two reads: the list of erased records contains it.
  if (opened === undefined) return undefined
  const form = JSON.parse(stored.form) as LeafFields
  const document =
    row.kind === 'request' && stored.signatureId !== null
      ? await log.records.document(stored.signatureId)
      : undefined
  return {
    index,
    kind: row.kind as ComparedRecord['kind'],
    direction: row.direction as 'in' | 'out',
    time: Date.parse(row.time),
    requestId: row.request_id,
    peer: row.peer,
    answers: row.answers === null ? undefined : Number(row.answers),
    leaf: stored.leaf.toString('base64'),
    digests: digestsOf(opened.sections),
    signature: signatureOf(form),
    signedAt: document === undefined ? Number.NaN : signingTimeOf(document.document),
  }
}

function digestsOf(sections: Sections): Buffer | undefined {
  const digest = (content: number, kept: number): Buffer | undefined => {
    const bytes = sections[content]
    return bytes === undefined ? sections[kept] : hash('sha512', bytes, 'buffer')
  }
  const message = digest(SECTION.message, SECTION.messageDigest)
  const body = digest(SECTION.body, SECTION.bodyDigest)
  if (message === undefined) return undefined
  return body === undefined ? message : Buffer.concat([message, body])
}

function erasedRecord(index: number, form: LeafFields): ErasedRecord {
  return {
    index,
    kind: form.kind as ErasedRecord['kind'],
    signature: signatureOf(form),
    answers: form.answers,
  }
}

function signatureOf({ signature }: LeafFields): Buffer | undefined {
  return signature === '' ? undefined : Buffer.from(signature, 'base64')
}
