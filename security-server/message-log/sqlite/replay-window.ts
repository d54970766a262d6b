/**
 * The replay keys that are still needed, in memory: exact up to 128 bits of SHA-256, about 32 bytes per key.
 * They are grouped in generations of one window each, so that a whole generation is dropped at a time. A key
 * is identified by its print, the bytes of `octets` from `at` on. This avoids an object per key when a start
 * reads hundreds of thousands.
 */
import { hash } from 'node:crypto'

/** Bytes of a print. */
export const PRINT_LENGTH = 16
const WORDS = 4
const FIRST_CAPACITY = 1024

/**
 * A generation. `oldest` and `latest` are times of its keys, which need not arrive in the order of their
 * times.
 */
type Table = { started: number; oldest: number; latest: number; count: number; words: Uint32Array }

export type ReplayWindow = {
  /** Whether the key is known. */
  has(octets: Uint8Array, at: number): boolean
  add(octets: Uint8Array, at: number, time: number): void
  /** Removes a key whose commit failed. */
  remove(octets: Uint8Array, at: number): void
  /**
   * Drops the generations whose keys are all older than `before`, except the last GENERATIONS_KEPT. Returns a
   * time: all keys before it were dropped.
   */
  forget(before: number): number
}

/**
 * Generations that are never dropped, however wrong the clock is: they contain the keys of the last two
 * windows.
 */
const GENERATIONS_KEPT = 3

/** The print of a key: the first bytes of its SHA-256, with the lowest bit set. */
export function printOf(key: Buffer): Buffer {
  const print = Buffer.from(hash('sha256', key, 'latin1').slice(0, PRINT_LENGTH), 'latin1')
  // A word of zero marks an empty slot, so the first word must not be zero.
  print[0]! |= 1
  return print
}

export function createReplayWindow(windowMs: number): ReplayWindow {
  let tables: Table[] = []
  const wanted = new Uint32Array(WORDS)

  const read = (octets: Uint8Array, at: number): void => {
    for (let word = 0; word < WORDS; word++) wanted[word] = wordAt(octets, at + 4 * word)
  }
  const find = (): Table | undefined => tables.find(({ words }) => words[slotOf(words, wanted, 0)] !== 0)
  const newest = (time: number): Table => {
    const last = tables.at(-1)
    // A clock that was set back also begins a generation: one that started far ahead would accept keys
    // without end.
    if (last !== undefined && Math.abs(time - last.started) < windowMs) return last
    const words = new Uint32Array(FIRST_CAPACITY * WORDS)
    const fresh = { started: time, oldest: time, latest: time, count: 0, words }
    tables = [...tables, fresh]
    return fresh
  }
  return {
    has: (octets, at) => {
      read(octets, at)
      return find() !== undefined
    },
    add: (octets, at, time) => {
      const table = newest(time)
      table.oldest = Math.min(table.oldest, time)
      table.latest = Math.max(table.latest, time)
      if (2 * (table.count + 1) > table.words.length / WORDS) rebuild(table, table.words.length * 2)
      read(octets, at)
      insert(table, wanted, 0)
    },
    remove: (octets, at) => {
      read(octets, at)
      const table = find()
      if (table === undefined) return
      // Open addressing allows no holes, so the table is rebuilt without the key. That happens only after a
      // failed commit.
      table.words[slotOf(table.words, wanted, 0)] = 0
      rebuild(table, table.words.length)
    },
    forget: (before) => {
      const lasting = tables.length - GENERATIONS_KEPT
      // However wrong the clock is, the newest keys stay: their messages may be repeated when the clock is
      // right again.
      tables = tables.filter(({ latest }, i) => i >= lasting || latest >= before)
      return Math.min(before, ...tables.map(({ oldest }) => oldest))
    },
  }
}

/** Reads little-endian on any machine. */
function wordAt(octets: Uint8Array, at: number): number {
  return octets[at]! | (octets[at + 1]! << 8) | (octets[at + 2]! << 16) | (octets[at + 3]! << 24)
}

/** The slot that has, or would get, the print in `source` at `from`. */
function slotOf(words: Uint32Array, source: Uint32Array, from: number): number {
  const mask = words.length / WORDS - 1
  let slot = source[from + 1]! & mask
  while (words[slot * WORDS] !== 0 && !isSame(words, slot * WORDS, source, from)) slot = (slot + 1) & mask
  return slot * WORDS
}

function isSame(words: Uint32Array, at: number, source: Uint32Array, from: number): boolean {
  return (
    words[at] === source[from] &&
    words[at + 1] === source[from + 1] &&
    words[at + 2] === source[from + 2] &&
    words[at + 3] === source[from + 3]
  )
}

function insert(table: Table, source: Uint32Array, from: number): void {
  const slot = slotOf(table.words, source, from)
  for (let word = 0; word < WORDS; word++) table.words[slot + word] = source[from + word]!
  table.count++
}

function rebuild(table: Table, length: number): void {
  const before = table.words
  table.words = new Uint32Array(length)
  table.count = 0
  for (let at = 0; at < before.length; at += WORDS) if (before[at] !== 0) insert(table, before, at)
}
