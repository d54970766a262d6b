/**
 * A group of records as it crosses to the worker: one run of bytes in shared memory instead of an object graph, because
 * structured cloning of the records would cost more than writing them. Fields are length-prefixed; -1 means absent.
 */
import type { RecordInput } from './record-input.ts'
import type { SpooledBody } from './spool.ts'

/** The part of a record that is small and of fixed shape, sent as JSON. */
export type RecordHead = {
  kind: RecordInput['kind'] | 'time-stamp' | 'erasure' | 'key-rotation'
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
}

const FIELDS = 10
const ABSENT = -1

/** The fields of a record in the order in which they are packed. */
export function fieldsOf(head: RecordHead, metadata: string, record: PackedParts): (Buffer | undefined)[] {
  return [
    Buffer.from(JSON.stringify(head)),
    Buffer.from(metadata),
    record.message,
    record.body?.sha512,
    record.body?.bytes,
    record.body?.file?.dataKey,
    record.signature?.hashChainResult,
    record.signature?.hashChain,
    record.signature?.signatures,
    record.replayKey,
  ]
}

export type PackedParts = {
  message?: Buffer | undefined
  body?: SpooledBody | undefined
  signature?: RecordInput['signature']
  replayKey?: Buffer | undefined
}

export function packedSize(fields: (Buffer | undefined)[]): number {
  let size = 4 * FIELDS
  for (const field of fields) if (field !== undefined) size += field.length
  return size
}

/** Writes the fields at `at` and returns the position after them. */
export function pack(target: Buffer, at: number, fields: (Buffer | undefined)[]): number {
  let end = at
  for (const field of fields) {
    end = target.writeInt32LE(field?.length ?? ABSENT, end)
    if (field === undefined) continue
    field.copy(target, end)
    end += field.length
  }
  return end
}

/** Reads `count` records from the start of `source`. */
export function unpack(source: Buffer, count: number): PackedRecord[] {
  let at = 0
  const next = (): Buffer | undefined => {
    const length = source.readInt32LE(at)
    at += 4
    if (length === ABSENT) return undefined
    at += length
    return source.subarray(at - length, at)
  }
  return Array.from({ length: count }, () => ({
    head: JSON.parse(next()!.toString()) as RecordHead,
    metadata: next()!,
    message: next(),
    bodySha512: next(),
    body: next(),
    bodyKey: next(),
    hashChainResult: next(),
    hashChain: next(),
    signatures: next(),
    replayKey: next(),
  }))
}
