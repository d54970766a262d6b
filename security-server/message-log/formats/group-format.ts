/**
 * The transfer format of a group of records to the worker: one run of bytes in shared memory instead of an
 * object graph, because structured cloning would cost more than writing the records. Fields are
 * length-prefixed; -1 means absent.
 */
import { Fault } from '#schemas/fault.ts'
import type { SpooledBody } from '../bodies/spool.ts'
import type { RecordInput } from '../record-input.ts'
import { encodeAttachments } from './content.ts'

/** The small part of a record that has a fixed shape; transferred as JSON. */
export type RecordHead = {
  kind: RecordInput['kind'] | 'time-stamp' | 'erasure' | 'key-rotation' | 'daily-counts' | 'audit-head'
  direction: 'in' | 'out' | ''
  time: number
  outcome: string
  logLevel: 'full' | 'digest' | 'none'
  contract: string
  answers?: number
  body?: { size: number; name?: string }
}

/** A record as the worker reads it: slices of the group's memory, valid until the group is answered. */
export type PackedRecord = {
  head: RecordHead
  metadata: Buffer
  message: Buffer | undefined
  bodySha512: Buffer | undefined
  body: Buffer | undefined
  bodyKey: Buffer | undefined
  hashChainResult: Buffer | undefined
  hashChain: Buffer | undefined
  signatures: Buffer | undefined
  replayKey: Buffer | undefined
  /** The document of the circumstances that its metadata name; absent once the log surely has it. */
  circumstances: Buffer | undefined
  /** Section `attachments` of the content. */
  attachments: Buffer | undefined
}

/** A field to pack; text becomes UTF-8. */
export type Field = Buffer | string | undefined

const FIELDS = 12
const SIGNATURES = 8
const ABSENT = -1
/**
 * The length field of a signature document that equals the one of record k of this group is SAME - k: a batch
 * shares one document.
 */
const SAME = -2
/** How many other documents of the group each is compared with, the newest first. */
const COMPARED = 8
/** Fields begin at multiples of this, so that they can be compared word by word. */
const ALIGNED = 4

/** The fields of a record in the order in which they are packed. */
export function fieldsOf(head: RecordHead, metadata: string, record: PackedParts): Field[] {
  return [
    JSON.stringify(head),
    metadata,
    record.message,
    record.body?.sha512,
    octetsOf(record.body),
    record.body?.file?.dataKey,
    record.signature?.hashChainResult,
    record.signature?.hashChain,
    record.signature?.signatures,
    record.replayKey,
    record.circumstances,
    record.body?.attachments === undefined ? undefined : encodeAttachments(record.body.attachments),
  ]
}

type PackedParts = {
  message?: Buffer | undefined
  body?: SpooledBody | undefined
  signature?: RecordInput['signature']
  replayKey?: Buffer | undefined
  circumstances?: string | undefined
}

/** A body whose memory has ended (`heldMemory.free`) would be logged as an empty one beside its digest. */
function octetsOf(body: SpooledBody | undefined): Buffer | undefined {
  if (body?.bytes !== undefined && body.bytes.length !== body.size)
    throw new Fault('internal_error', { what: 'the memory of a body ended before it was logged' })
  return body?.bytes
}

/** The most bytes that `packGroup` needs for a record. */
export function packedSize(fields: Field[]): number {
  let size = ALIGNED * FIELDS
  for (const field of fields) {
    if (field !== undefined)
      size += aligned(typeof field === 'string' ? Buffer.byteLength(field) : field.length)
  }
  return size
}

/** Writes a group to the start of `target`; returns the number of bytes written. */
export function packGroup(target: Buffer, records: Field[][]): number {
  const documents: { document: Buffer; position: number }[] = []
  let at = 0
  for (const [position, fields] of records.entries()) {
    for (let which = 0; which < FIELDS; which++) {
      const field = fields[which]
      if (typeof field === 'string') {
        const length = target.write(field, at + ALIGNED)
        target.writeInt32LE(length, at)
        at += ALIGNED + aligned(length)
        continue
      }
      const same = which === SIGNATURES && field !== undefined ? sameIn(documents, field) : undefined
      if (field === undefined || same !== undefined) {
        at = target.writeInt32LE(same === undefined ? ABSENT : SAME - same, at)
        continue
      }
      if (which === SIGNATURES) documents.push({ document: field, position })
      at = target.writeInt32LE(field.length, at)
      field.copy(target, at)
      at += aligned(field.length)
    }
  }
  return at
}

/**
 * The position of a record with the same document. Each message from the wire has a Buffer of its own, so
 * bytes are compared.
 */
function sameIn(documents: { document: Buffer; position: number }[], wanted: Buffer): number | undefined {
  for (let i = documents.length - 1; i >= Math.max(0, documents.length - COMPARED); i--) {
    const { document, position } = documents[i]!
    if (document === wanted || document.equals(wanted)) return position
  }
  return undefined
}

/**
 * Reads `count` records from the start of `source`. Records that share a signature document share its Buffer.
 */
export function unpackGroup(source: Buffer, count: number): PackedRecord[] {
  const records: PackedRecord[] = []
  let at = 0
  const next = (): Buffer | undefined => {
    const length = source.readInt32LE(at)
    at += ALIGNED
    if (length <= SAME) return records[SAME - length]!.signatures
    if (length === ABSENT) return undefined
    const field = source.subarray(at, at + length)
    at += aligned(length)
    return field
  }
  const nextText = (): string => {
    const start = at + ALIGNED
    const end = start + source.readInt32LE(at)
    at = aligned(end)
    return source.toString('utf8', start, end)
  }
  for (let i = 0; i < count; i++) {
    records.push({
      head: JSON.parse(nextText()) as RecordHead,
      metadata: next()!,
      message: next(),
      bodySha512: next(),
      body: next(),
      bodyKey: next(),
      hashChainResult: next(),
      hashChain: next(),
      signatures: next(),
      replayKey: next(),
      circumstances: next(),
      attachments: next(),
    })
  }
  return records
}

function aligned(length: number): number {
  return (length + ALIGNED - 1) & -ALIGNED
}
