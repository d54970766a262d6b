/**
 * Divides a day's entries into buckets by the first bits of their keys; equal buckets need no further
 * comparison. A side commits to its buckets before it sees the other's, so it cannot copy them.
 */
import { createHash, hash } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { DIGEST, ENTRY } from './entry.ts'

/** At least 256 buckets: the other side may have many exchanges where we have few. */
export const MIN_BITS = 8
/** 4,096 buckets: about 250 entries in each on a day of a million exchanges. */
export const MAX_BITS = 12
/** The salt spreads the keys evenly, so a larger bucket is not honest. */
export const MAX_BUCKET = 16_000
const ENTRIES_A_BUCKET = 16
const COMMITMENT_LABEL = 'concordat reconciliation buckets 1'

/** So many bits that a bucket has about 16 entries, within MIN_BITS and MAX_BITS. */
export function bitsFor(entries: number): number {
  const bits = Math.ceil(Math.log2(Math.max(1, entries / ENTRIES_A_BUCKET)))
  return Math.min(MAX_BITS, Math.max(MIN_BITS, bits))
}

export function bucketOf(key: Buffer, bits: number): number {
  return bits === 0 ? 0 : key.readUInt16BE(0) >>> (16 - bits)
}

/**
 * The range of keys in a bucket: `from` inclusive, `below` exclusive. `below` is undefined for the last
 * bucket.
 */
export function rangeOf(bucket: number, bits: number): { from: Buffer; below: Buffer | undefined } {
  const at = (index: number): Buffer => {
    const key = Buffer.alloc(DIGEST)
    key.writeUInt16BE(index << (16 - bits), 0)
    return key
  }
  const next = bucket + 1
  return { from: at(bucket), below: next < 1 << bits ? at(next) : undefined }
}

type BucketWriter = {
  /** Adds an entry; entries must come in ascending order of their keys. */
  add(entry: Buffer): void
  /** Returns the digests of all buckets, 32 octets each. */
  end(): Buffer
}

/** SHA-256 over the entries of each bucket, in order; zeros for an empty one. */
export function createBuckets(bits: number): BucketWriter {
  const digests = Buffer.alloc(DIGEST << bits)
  let bucket = 0
  let open: ReturnType<typeof createHash> | undefined
  let last: Buffer | undefined
  const close = (): void => {
    open?.digest().copy(digests, bucket * DIGEST)
    open = undefined
  }
  return {
    add(entry) {
      const key = entry.subarray(0, DIGEST)
      if (last !== undefined && Buffer.compare(last, key) >= 0) throw new TypeError('entries come in order')
      last = key
      const own = bucketOf(key, bits)
      if (own !== bucket) close()
      bucket = own
      open ??= createHash('sha256')
      open.update(entry)
    },
    end() {
      close()
      return digests
    },
  }
}

/**
 * The digest of one bucket with these entries; throws `invalid_input` unless they are whole and in ascending
 * order.
 */
export function bucketDigest(entries: Buffer[]): Buffer {
  for (const [i, entry] of entries.entries()) {
    const before = entries[i - 1]
    const isInOrder = before === undefined || Buffer.compare(keyPart(before), keyPart(entry)) < 0
    if (entry.length !== ENTRY || !isInOrder)
      throw new Fault('invalid_input', { what: say`entries are whole and in rising order` })
  }
  return entries.length === 0 ? Buffer.alloc(DIGEST) : hash('sha256', Buffer.concat(entries), 'buffer')
}

/** The buckets in which the two sides differ, in order. */
export function differingBuckets(a: Buffer, b: Buffer): number[] {
  if (a.length !== b.length) throw new Fault('invalid_input', { what: say`another number of buckets` })
  const at = (all: Buffer, i: number): Buffer => all.subarray(i * DIGEST, (i + 1) * DIGEST)
  const all = Array.from({ length: a.length / DIGEST }, (_, i) => i)
  return all.filter((i) => !at(a, i).equals(at(b, i)))
}

/**
 * SHA-256 over the session's salt, a blinding value (32 octets), server, count and buckets. The salt prevents
 * its use in another session.
 */
export function commitTo(q: {
  salt: Buffer
  blind: Buffer
  buckets: Buffer
  count: number
  server: string
}): Buffer {
  const head = JSON.stringify([COMMITMENT_LABEL, q.server, q.count])
  return hash('sha256', Buffer.concat([q.salt, q.blind, hash('sha256', head, 'buffer'), q.buckets]), 'buffer')
}

function keyPart(entry: Buffer): Buffer {
  return entry.subarray(0, DIGEST)
}
