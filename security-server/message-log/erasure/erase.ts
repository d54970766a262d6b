/**
 * Erasure: the key of a record is destroyed, so its content is lost for ever; its leaf, signature, time-stamp
 * and proof stay. Each erasure is a record that answers the erased one. A batch of erasures is one commit:
 * all of them are done or none.
 */

import { hash, randomBytes } from 'node:crypto'
import { RECEIPT_KINDS } from '#core/delivery/receipt.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import {
  contentSize,
  decodeAttachments,
  decodeBodyFile,
  encodeAttachments,
  encodeContent,
  SECTION,
} from '../formats/content.ts'
import { ownRecord } from '../formats/own-record.ts'
import { deriveRecordKey, SEALED_EXTRA, SEED_LENGTH, sealContent } from '../formats/seal.ts'
import type { SideStatement } from '../hot-store.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { LogDatabase } from '../log-store.ts'
import { type OpenedRecord, openRecord, openRemainder } from '../records/open-record.ts'
import type { StoredRecord } from '../records/store.ts'
import type { OwnRecord } from '../records/writer.ts'

/**
 * What is kept of the content. PROOF_KEPT: the metadata, the digests, and the salt that opens the commitments
 * to them. LEAF_ONLY: only the salted commitments, whose contents nobody can guess any more.
 */
export type EndMode = 'PROOF_KEPT' | 'LEAF_ONLY'

export type Erasure = {
  index: number
  mode: EndMode
  /**
   * Further fields in the erasure's record: `effective` is when the content had to end, `archive` is where it
   * is kept.
   */
  extra: { reason: string } & Partial<
    Record<'archive' | 'case' | 'class' | 'effective' | 'reference', string | undefined>
  >
}

export type Erased = { index: number; erasureIndex: number }

/**
 * A record whose content is erased, as parts that have rows about it are told. `service` is '' for a secret
 * record.
 */
export type ErasedContent = {
  idx: number
  day: string
  service: string
  /** Whether its metadata stay, so that searches still find it. */
  keepsProof: boolean
}

const ERASABLE: ReadonlySet<string> = new Set([
  ...['request', 'reply', 'refusal', 'outcome-unknown'],
  ...RECEIPT_KINDS,
])

/**
 * `holds` is the number of the legal holds that were checked: when another hold was set since, nothing is
 * erased and `logging_failed` is thrown. Throws `not_found`, `conflict` when there is nothing left to erase,
 * and `invalid_input` for a record that the log wrote about itself.
 */
export async function eraseRecords(q: {
  erasures: Erasure[]
  holds: number
  now: number
  log: LogDatabase
  ring: Pick<KeyRing, 'find' | 'current'>
  node: string
  /** The parts' statements that delete rows about the content, in the same commit. */
  rowsOf(erased: ErasedContent): SideStatement[]
  append(records: OwnRecord[]): Promise<number[]>
}): Promise<Erased[]> {
  const records: OwnRecord[] = []
  for (const erasure of q.erasures) records.push(await erasureRecord(erasure, records.length === 0, q))
  const indexes = await q.append(records)
  return q.erasures.map(({ index }, i) => ({ index, erasureIndex: indexes[i]! }))
}

async function erasureRecord(
  { index, mode, extra }: Erasure,
  isFirst: boolean,
  q: Omit<Parameters<typeof eraseRecords>[0], 'erasures' | 'append'>,
): Promise<OwnRecord> {
  const record = await q.log.records.get(index)
  const { kind } = JSON.parse(record.form) as { kind: string }
  if (!ERASABLE.has(kind))
    throw new Fault('invalid_input', { what: say`a record of kind ${kind} is not erased` })
  const isProof = record.seed === undefined
  const rest = isProof ? await q.log.records.remainder(index) : undefined
  if (isProof && (rest === undefined || mode === 'PROOF_KEPT'))
    throw new Fault('conflict', { what: say`record ${index} is erased already` })
  const time = new Date(q.now).toISOString()
  const opened = isProof ? undefined : openRecord(record, q.ring.find)
  // When the record's log key is gone, the content cannot be opened and no proof can be kept.
  const keepsProof = mode === 'PROOF_KEPT' && opened !== undefined
  const written: EndMode = keepsProof ? 'PROOF_KEPT' : 'LEAF_ONLY'
  const { archive, case: caseNumber, class: name, effective, reason, reference } = extra
  const told = toldOf(record, opened ?? openRemainder(rest, q.ring.find))
  const sorted = { archive, case: caseNumber, class: name, effective, mode: written, reason, reference }
  return {
    packed: ownRecord({
      kind: 'erasure',
      time: q.now,
      metadata: { answers: index, extra: present(sorted), id: '', node: q.node, requestId: '' },
      answers: index,
    }),
    beside: (idx) => [
      // This row lock orders the commit and the setting of holds.
      ...(isFirst ? [{ text: "update mark set value = value where name = 'holds'", values: [] }] : []),
      entry(isProof ? 'proof_erasure' : 'erasure', { index, idx, time, holds: q.holds }),
      { text: 'delete from record_key where idx = ?', values: [index] },
      ...(isProof ? [] : bodyRemoval(index, opened)),
      keepsProof
        ? remainderOf(record, opened, q.ring)
        : { text: 'delete from remainder where idx = ?', values: [index] },
      ...q.rowsOf({ ...told, keepsProof }),
    ],
  }
}

/**
 * `time` may not be null, so this fails, and with it the commit, when the number of the holds has changed.
 */
function entry(
  table: 'erasure' | 'proof_erasure',
  q: { index: number; idx: number; time: string; holds: number },
): SideStatement {
  return {
    text: `insert into ${table} (idx, erasure_idx, time) select cast(? as bigint), cast(? as bigint),
      case when value = cast(? as bigint) then cast(? as text) end from mark where name = 'holds'`,
    values: [q.index, q.idx, q.holds, q.time],
  }
}

/**
 * Notes the file for deletion after the commit. What nothing opens any more does not say which it is; the
 * table of body files does.
 */
function bodyRemoval(index: number, opened: OpenedRecord | undefined): SideStatement[] {
  const into = 'insert into erased_body_file (name)'
  if (opened === undefined)
    return [{ text: `${into} select name from body_file where idx = ?`, values: [index] }]
  const section = opened.sections[SECTION.bodyFile]
  if (section === undefined) return []
  return [{ text: `${into} values (?)`, values: [decodeBodyFile(section).name] }]
}

function toldOf({ idx, form }: StoredRecord, opened: Pick<OpenedRecord, 'metadata'> | undefined) {
  const { time } = JSON.parse(form) as { time: string }
  const { service = '', secrecy = 0 } = opened?.metadata ?? {}
  return { idx, day: time.slice(0, 10), service: secrecy > 0 ? '' : service }
}

/** The row with what log level `digest` would have stored, and the salt, under a key of its own. */
function remainderOf(
  record: StoredRecord,
  opened: OpenedRecord,
  ring: Pick<KeyRing, 'current'>,
): SideStatement {
  const { key, sections } = opened
  const kept = [
    undefined,
    sections[SECTION.metadata],
    undefined,
    undefined,
    undefined,
    sections[SECTION.hashChainResult],
    sections[SECTION.hashChain],
    digestOf(sections[SECTION.message]) ?? sections[SECTION.messageDigest],
    digestOf(sections[SECTION.body]) ?? sections[SECTION.bodyDigest],
    key.salt,
    withoutHeaders(sections[SECTION.attachments]),
  ]
  const logKey = ring.current()
  const seed = Buffer.concat([logKey.id, randomBytes(SEED_LENGTH)])
  const plain = encodeContent(kept, Buffer.alloc(contentSize(kept)))
  const content = Buffer.alloc(plain.length + SEALED_EXTRA)
  sealContent(deriveRecordKey(logKey.key, seed).dataKey, plain, content)
  return {
    text: 'insert into remainder (idx, seed, content) values (?, ?, ?)',
    values: [record.idx, seed, content],
  }
}

/** Sizes and digests, by which the signature is verified: what attachments are called is content. */
function withoutHeaders(section: Buffer | undefined): Buffer | undefined {
  if (section === undefined) return undefined
  return Buffer.from(encodeAttachments(decodeAttachments(section).map((one) => ({ ...one, headers: [] }))))
}

function digestOf(content: Buffer | undefined): Buffer | undefined {
  return content === undefined ? undefined : hash('sha512', content, 'buffer')
}

function present(extra: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(extra).filter((field): field is [string, string] => field[1] !== undefined),
  )
}
