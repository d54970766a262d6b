/**
 * Reads a range of the log for one pair of members: digests and times, no content. Records of other members
 * are left out, and of receipts of deliveries those that only one side ever has. For erased records nobody
 * can say whose they were, so what is left of each is returned.
 */
import { hash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { isReceiptKind, readReceipt } from '#core/delivery/receipt.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import type { ComparedRecord, ErasedRecord, Stretch } from '#core/reconciliation/assemble.ts'
import { signingTimeOf } from '#core/reconciliation/day.ts'
import { answeredOf, fetchingOf, mayBeAnswer } from '#core/reconciliation/fetched.ts'
import {
  type BodyFileReference,
  decodeBodyFile,
  SECTION,
  type Sections,
} from '../../../message-log/formats/content.ts'
import { type KeyFinder, openRecord } from '../../../message-log/records/open-record.ts'
import type { RecordStore } from '../../../message-log/records/store.ts'
import type { SearchRow } from '../../../reading/index/search-filter.ts'
import type { ReconciliationStore } from './store.ts'

/** How many records one call covers. */
export const STRETCH = 500
/** How many records are opened before the log's thread lets waiting writes run. */
const AT_ONCE = 25
/** Of an id on the wire (schemas/reconciliation.yaml). */
const LONGEST_ID = 255

/** With the bodies in files, which this thread does not read. */
export type ReadRecord = ComparedRecord & { bodyFile?: BodyFileReference & { message: Buffer } }
export type ReadStretch = Omit<Stretch, 'records'> & { records: ReadRecord[] }

/** Member identifiers as text. */
export type MemberPair = { own: string; peer: string }

/** The records from `first` to `last`, at most STRETCH. `restsOn`: the last record that this rests on. */
export async function readRecords(
  log: { records: RecordStore; reconciliation: ReconciliationStore },
  q: { pair: MemberPair; version: number; first: number; last: number },
  findKey: KeyFinder,
): Promise<{ stretch: ReadStretch; restsOn: number }> {
  const last = Math.min(q.last, q.first + STRETCH - 1)
  const rows = await log.reconciliation.rows(q.first, last)
  const records: ReadRecord[] = []
  const compared = rows.filter((one) =>
    isReceiptKind(one.kind) ? q.version >= 2 && isSharedReceipt(one, q.pair) : isBetween(one, q.pair),
  )
  for (const [i, row] of compared.entries()) {
    if (i % AT_ONCE === AT_ONCE - 1) await setImmediate()
    const record = await readRecord(log, row, q.version, findKey)
    if (record !== undefined) records.push(record)
  }
  const bare = rows.filter((row) => row.client === '' && row.kind === 'request')
  const erased = await log.reconciliation.erased(q.first, last)
  const stretch = {
    records,
    erased: erased.map(({ idx, form }) => erasedRecord(idx, JSON.parse(form) as LeafFields)),
    bare: bare.map(({ idx, direction, request_id }) => ({
      index: Number(idx),
      direction: direction as 'in' | 'out',
      requestId: request_id,
    })),
  }
  return { stretch, restsOn: Math.max(-1, ...erased.map(({ by }) => Number(by))) }
}

/**
 * Whether the record belongs to the pair: one of the two is the client's member, the other the service's. If
 * a server has both members, the direction decides: a request that was sent is our member's, one that was
 * received is the other member's.
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

/**
 * Given by the member of an inbox, and taken by that of the sender. Who accepts or gives up what never
 * arrived tells it nobody.
 */
function isSharedReceipt(
  { kind, direction, client, service }: SearchRow,
  { own, peer }: MemberPair,
): boolean {
  if (kind === 'accepted') return false
  const [sends, receives] = [memberPart(client), memberPart(service)]
  return direction === 'in' ? sends === own && receives === peer : sends === peer && receives === own
}

/** The member part of an identifier. */
export function memberPart(id: string): string {
  return id.split('/', 3).join('/')
}

async function readRecord(
  log: { records: RecordStore },
  row: SearchRow,
  version: number,
  findKey: KeyFinder,
): Promise<ReadRecord | undefined> {
  const index = Number(row.idx)
  const stored = await log.records.get(index)
  const opened = openRecord(stored, findKey)
  // Erased between the two reads: the list of erased records contains it.
  if (opened === undefined) return undefined
  const form = JSON.parse(stored.form) as LeafFields
  const isReceipt = isReceiptKind(row.kind)
  const said = isReceipt ? receiptIn(opened.sections) : undefined
  // A sender's own word that it gave a message up is signed by the sender, and its inbox has none.
  if (isReceipt && said === undefined) return undefined
  const document =
    (row.kind === 'request' || isReceipt) && stored.signatureId !== null
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
    ...(said !== undefined && { receipt: said }),
    ...(version >= 3 && fetchedParts(row.kind, opened.sections)),
  }
}

/**
 * Undefined for one that only its own side has: the sender's word that a message was given up before it had
 * arrived.
 */
function receiptIn(sections: Sections): ComparedRecord['receipt'] | undefined {
  const bytes = sections[SECTION.message]
  if (bytes === undefined) return undefined
  const { time: _, server: __, means: ___, ...says } = readReceipt(bytes)
  if (says.arrived !== 'yes') return undefined
  const id = `receipt:${says.kind}:${says.delivery}`
  return {
    id: id.length <= LONGEST_ID ? id : `receipt:${says.kind}:${hash('sha256', says.delivery, 'hex')}`,
    says: hash('sha512', canonicalJson(says), 'buffer'),
  }
}

/** What a request or reply has to do with events that are fetched. */
function fetchedParts(
  kind: string,
  sections: Sections,
): Pick<ReadRecord, 'fetching' | 'answered' | 'isUnread' | 'bodyFile'> {
  const { message, body, bodyFile, messageDigest } = SECTION
  const bytes = sections[message]
  if (kind === 'request') return bytes === undefined ? {} : { fetching: fetchingOf(bytes) }
  if (kind !== 'reply') return {}
  if (bytes === undefined) return sections[messageDigest] === undefined ? {} : { isUnread: true }
  const file = sections[bodyFile]
  if (file !== undefined) return { bodyFile: { ...decodeBodyFile(file), message: bytes } }
  const content = sections[body]
  if (content === undefined || !mayBeAnswer(bytes, content)) return {}
  return { answered: answeredOf(content) }
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
