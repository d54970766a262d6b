/**
 * The replay keys that are needed, in memory: exact up to 128 bits of SHA-256, about 32 octets a key. Generations of one
 * window each, so that what is needed no more is dropped a whole generation at a time.
 */
import { hash } from 'node:crypto'

const WORDS = 4
const FIRST_CAPACITY = 1024

type Table = { started: number; count: number; words: Uint32Array }

export type ReplayWindow = {
  /** Whether the key is known. */
  has(key: Buffer): boolean
  add(key: Buffer, time: number): void
  /** Takes back keys whose commit failed. */
  remove(key: Buffer): void
  /** Keys older than `before` may go; those of its generation stay with the last of them. */
  forget(before: number): void
}

/** Generations that no clock can make it forget: what was taken within two windows lies in these. */
const GENERATIONS_KEPT = 3

export function createReplayWindow(windowMs: number): ReplayWindow {
  let tables: Table[] = []

  const find = (print: Uint32Array): Table | undefined =>
    tables.find((table) => sameAt(table.words, slotOf(table.words, print), print))
  const newest = (time: number): Table => {
    const last = tables.at(-1)
    if (last !== undefined && time < last.started + windowMs) return last
    const fresh = emptyTable(time, FIRST_CAPACITY)
    tables = [...tables, fresh]
    return fresh
  }
  return {
    has: (key) => find(fingerprint(key)) !== undefined,
    add: (key, time) => {
      const table = newest(time)
      if (2 * (table.count + 1) > table.words.length / WORDS) grow(table)
      const print = fingerprint(key)
      table.words.set(print, slotOf(table.words, print))
      table.count++
    },
    remove: (key) => {
      const print = fingerprint(key)
      const table = find(print)
      if (table === undefined) return
      // Open addressing has no holes: rebuild without it. Only after a failed commit.
      const kept = [...prints(table.words)].filter((other) => !sameAt(other, 0, print))
      rebuild(table, kept, table.words.length)
    },
    forget: (before) => {
      // Whatever the order of their times, a generation's keys are older than the start of the next one.
      const first = tables.findIndex((_, i) => (tables[i + 1]?.started ?? Number.POSITIVE_INFINITY) > before)
      // However wrong the clock is, what came last stays: its copies may still come when the clock is right again.
      tables = tables.slice(Math.max(0, Math.min(first, tables.length - GENERATIONS_KEPT)))
    },
  }
}

function fingerprint(key: Buffer): Uint32Array {
  const digest = hash('sha256', key, 'buffer')
  const print = new Uint32Array(WORDS)
  // Zero marks an empty slot, so the first word is never zero.
  print[0] = digest.readUInt32LE(0) | 1
  for (let word = 1; word < WORDS; word++) print[word] = digest.readUInt32LE(4 * word)
  return print
}

/** The slot where `print` stands or would stand. */
function slotOf(words: Uint32Array, print: Uint32Array): number {
  const mask = words.length / WORDS - 1
  let slot = print[1]! & mask
  while (words[slot * WORDS] !== 0 && !sameAt(words, slot * WORDS, print)) slot = (slot + 1) & mask
  return slot * WORDS
}

function sameAt(words: Uint32Array, at: number, print: Uint32Array): boolean {
  return (
    words[at] === print[0] &&
    words[at + 1] === print[1] &&
    words[at + 2] === print[2] &&
    words[at + 3] === print[3]
  )
}

function emptyTable(started: number, capacity: number): Table {
  return { started, count: 0, words: new Uint32Array(capacity * WORDS) }
}

function* prints(words: Uint32Array): Generator<Uint32Array> {
  for (let at = 0; at < words.length; at += WORDS) {
    if (words[at] !== 0) yield words.slice(at, at + WORDS)
  }
}

function grow(table: Table): void {
  rebuild(table, [...prints(table.words)], table.words.length * 2)
}

function rebuild(table: Table, kept: Uint32Array[], length: number): void {
  table.words = new Uint32Array(length)
  table.count = kept.length
  for (const print of kept) table.words.set(print, slotOf(table.words, print))
}
