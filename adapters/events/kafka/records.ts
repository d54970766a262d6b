/**
 * Batches of records, as topics keep them (magic 2). Guarantees that one with another checksum is not taken,
 * that no more is kept of an inflated one than is allowed, and that records are read one by one, as they are
 * asked for.
 */
import { promisify } from 'node:util'
import { gunzip, zstdDecompress } from 'node:zlib'
import { crc32c } from './crc32c.ts'
import { inflateLz4 } from './lz4.ts'
import { inflateSnappy } from './snappy.ts'
import { createReader, createWriter } from './wire.ts'

export type Batch = {
  first: number
  last: number
  attributes: number
  producer: number
  count: number
  /** As it stands at the broker, whole. */
  bytes: Buffer
  /** Its records, compressed maybe; undefined in a format of before Kafka 0.11. */
  payload: Buffer | undefined
}

export type KafkaRecord = {
  offset: number
  key: Buffer | undefined
  value: Buffer | undefined
  headers: RecordHeader[]
  /** It has more headers than are read. */
  isCrowded?: boolean
}

type RecordHeader = [name: Buffer, value: Buffer | undefined]

const HEAD_BYTES = 61
const MAGIC = 2
/** Where they stand; the checksum is of all from the attributes on. */
const LENGTH_AT = 8
const MAGIC_AT = 16
const ATTRIBUTES_AT = 21
const IS_TRANSACTIONAL = 0x10
const IS_CONTROL = 0x20
const COMPRESSION = 0x07
const MOST_HEADERS = 1000

/** The whole batches among the bytes; brokers cut the last one off. Throws for one that is corrupt. */
export function* batchesOf(bytes: Buffer): Generator<Batch> {
  for (let at = 0; bytes.length - at > MAGIC_AT; ) {
    const length = bytes.readInt32BE(at + LENGTH_AT)
    if (length <= MAGIC_AT - 12) throw new Error('a batch has no length that can be')
    const end = at + 12 + length
    if (end > bytes.length) return
    yield readBatch(bytes.subarray(at, end))
    at = end
  }
}

function readBatch(bytes: Buffer): Batch {
  const r = createReader(bytes)
  const first = r.int64()
  const common = { first, last: first, attributes: 0, producer: -1, count: 1, bytes }
  if (bytes[MAGIC_AT] !== MAGIC) return { ...common, payload: undefined }
  if (bytes.length < HEAD_BYTES) throw new Error('a batch is shorter than its head')
  r.skip(9)
  if (r.uint32() !== crc32c(bytes.subarray(ATTRIBUTES_AT))) throw new Error('a batch has another checksum')
  const attributes = r.int16()
  const last = first + r.int32()
  r.skip(16)
  const producer = r.int64()
  r.skip(6)
  return { ...common, last, attributes, producer, count: r.int32(), payload: bytes.subarray(HEAD_BYTES) }
}

/** Whether a batch says what became of a transaction, and what. */
export function controlOf(batch: Batch): 'aborted' | 'other' | undefined {
  if ((batch.attributes & IS_CONTROL) === 0 || batch.payload === undefined) return undefined
  const [record] = recordsOf(batch, batch.payload)
  // Its key: a version, and 0 for what was aborted.
  return record?.key !== undefined && record.key.length >= 4 && record.key.readInt16BE(2) === 0
    ? 'aborted'
    : 'other'
}

export function isTransactional(batch: Batch): boolean {
  return (batch.attributes & IS_TRANSACTIONAL) !== 0
}

/** The records as bytes. Throws for what cannot be read, and for what inflates to more than `most`. */
export async function inflate({ attributes, payload }: Batch, most: number): Promise<Buffer> {
  if (payload === undefined) throw new Error('it has a format of before Kafka 0.11')
  const options = { maxOutputLength: most }
  switch (attributes & COMPRESSION) {
    case 0:
      return payload
    case 1:
      return promisify(gunzip)(payload, options)
    case 2:
      return inflateSnappy(payload, most)
    case 3:
      return inflateLz4(payload, most)
    case 4:
      // Node's own types lack the promise of it.
      return new Promise((resolve, reject) => {
        zstdDecompress(payload, options, (error, whole) => (error ? reject(error) : resolve(whole)))
      })
    default:
      throw new Error('it has a compression that is not known')
  }
}

/**
 * The records one by one, none of which has been read before it is asked for. Throws for one that is
 * malformed, and unless there are as many as it says.
 */
export function* recordsOf(batch: Batch, inflated: Buffer): Generator<KafkaRecord> {
  const r = createReader(inflated)
  if (batch.count < 0) throw new Error('it has fewer records than none')
  for (let i = 0; i < batch.count; i++) {
    const one = createReader(r.slice(r.signed()))
    one.int8()
    one.skipVarint()
    const offset = batch.first + one.signed()
    if (offset < batch.first || offset > batch.last) throw new Error('a record stands outside its batch')
    const [key, value] = [one.recordBytes(), one.recordBytes()]
    const count = one.signed()
    if (count < 0) throw new Error('a record has fewer headers than none')
    const isCrowded = count > MOST_HEADERS
    const headers = Array.from(
      { length: isCrowded ? 0 : count },
      (): RecordHeader => [one.recordBytes() ?? Buffer.alloc(0), one.recordBytes()],
    )
    yield { offset, key, value, headers, isCrowded }
  }
  if (r.left() > 0) throw new Error('it holds more than its records')
}

/** A batch of one record, which a broker that has it already knows by producer and sequence. */
export function writeBatch(
  { key, value, headers }: Pick<KafkaRecord, 'key' | 'value' | 'headers'>,
  producer: { id: number; epoch: number; sequence: number },
  now: number,
): Buffer {
  const record = createWriter()
  record.int8(0)
  record.signed(0)
  record.signed(0)
  record.recordBytes(key)
  record.recordBytes(value)
  record.signed(headers.length)
  for (const [name, text] of headers) {
    record.recordBytes(name)
    record.recordBytes(text)
  }
  const bytes = record.done()
  const checked = createWriter()
  checked.int16(0)
  checked.int32(0)
  checked.int64(now)
  checked.int64(now)
  checked.int64(producer.id)
  checked.int16(producer.epoch)
  checked.int32(producer.sequence)
  checked.int32(1)
  checked.signed(bytes.length)
  checked.raw(bytes)
  const body = checked.done()
  const w = createWriter()
  w.int64(0)
  w.int32(body.length + ATTRIBUTES_AT - 12)
  w.int32(-1)
  w.int8(MAGIC)
  w.uint32(crc32c(body))
  w.raw(body)
  return w.done()
}
