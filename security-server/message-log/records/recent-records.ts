/**
 * The newest records of this process, so that jobs need not read and decrypt them again. They are stored in
 * reused memory: as objects they would outlive the young generation, and collecting them would cost more than
 * reading them.
 */
import type { RecordHead } from '../formats/group-format.ts'
import type { Metadata } from '../record-input.ts'

const LEAF = 32
const CLOSING_BRACKET = 0x5d

/** What the index needs from a record. */
type RecentRecord = {
  time: number
  kind: string
  direction: string
  outcome: string
  contract: string
  metadata: Metadata
}

type Facts = [
  ...[time: number, kind: string, direction: string, outcome: string],
  ...[contract: string, metadata: Metadata],
]

export type RecentRecords = {
  /** Undefined when the record is too old or another node's. */
  get(idx: number): RecentRecord | undefined
  /** The leaf hashes from `start` on, concatenated; undefined when one of them is unknown. */
  leaves(start: number, count: number): Buffer | undefined
  add(idx: number, record: { head: RecordHead; metadata: Buffer; leaf: Buffer }): void
}

/** Keeps the newest `limit` records, or as many as fit into `octets` bytes. */
export function createRecentRecords(limit: number, octets: number): RecentRecords {
  const indexes = new Float64Array(limit).fill(-1)
  const leaves = Buffer.alloc(limit * LEAF)
  const bytes = Buffer.alloc(octets)
  // Where the bytes of a record begin and end, counted from the first byte ever written.
  const begins = new Float64Array(limit)
  const ends = new Float64Array(limit)
  let written = 0
  return {
    get: (idx) => {
      const slot = idx % limit
      if (indexes[slot] !== idx || begins[slot]! < written - octets) return undefined
      const at = begins[slot]! % octets
      const text = bytes.toString('utf8', at, at + ends[slot]! - begins[slot]!)
      const [time, kind, direction, outcome, contract, metadata] = JSON.parse(text) as Facts
      return { time, kind, direction, outcome, contract, metadata }
    },
    leaves: (start, count) => {
      const found = Buffer.allocUnsafe(count * LEAF)
      for (let i = 0; i < count; i++) {
        const slot = (start + i) % limit
        if (indexes[slot] !== start + i) return undefined
        leaves.copy(found, i * LEAF, slot * LEAF, (slot + 1) * LEAF)
      }
      return found
    },
    add: (idx, { head, metadata, leaf }) => {
      const slot = idx % limit
      indexes[slot] = idx
      leaf.copy(leaves, slot * LEAF)
      // The metadata are written unchanged, as the last element of an array.
      const texts = `${JSON.stringify(head.outcome)},${JSON.stringify(head.contract)}`
      const facts = `[${head.time},"${head.kind}","${head.direction}",${texts},`
      const size = Buffer.byteLength(facts) + metadata.length + 1
      // A record never wraps around the end of the memory.
      if ((written % octets) + size > octets) written += octets - (written % octets)
      begins[slot] = written
      if (size > octets) {
        indexes[slot] = -1
        return
      }
      const at = written % octets
      metadata.copy(bytes, at + bytes.write(facts, at))
      written += size
      bytes[at + size - 1] = CLOSING_BRACKET
      ends[slot] = written
    },
  }
}
