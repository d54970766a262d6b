/**
 * What goes through the pipes between the adapter and a process that reads a SQLite file for it: frames of
 * four bytes of length and the content. Questions are JSON, answers a byte that says what they are and what
 * follows it.
 */
import type { JsonValue } from '#adapters/kit/write-rows.ts'
import type { SqlValue } from './field-types.ts'
import type { Page, Shape } from './source.ts'

export type SqliteOrder = { file: string }

export type SqliteQuestion = { text: string; values: SqlValue[] } & (
  | { only: 'columns' | 'rows' }
  /** The shape itself goes to each process once. */
  | { shape: number; described?: Shape; most: number }
)

/** Columns with their declared types, rows of the catalogue, or why there are none. */
export type SqliteReply =
  | { rows: unknown[][] }
  | { columns: [name: string, type: string | null][] }
  | { failed: 'unavailable' | 'statement'; why: string }
  | { failed: 'answer'; code: 'answer_too_large' | 'source_failed'; why: string }

const READY = 0
const REPLY = 1
const PAGE = 2
const LENGTH_BYTES = 4

export function frame(...parts: Buffer[]): Buffer {
  const head = Buffer.allocUnsafe(LENGTH_BYTES)
  head.writeUInt32LE(parts.reduce((sum, { length }) => sum + length, 0))
  return Buffer.concat([head, ...parts])
}

/**
 * Takes pieces as they come, and calls `take` with each whole content, which holds until `take` returns or is
 * kept as it is.
 */
export function frameReader(take: (content: Buffer) => void): (piece: Buffer) => void {
  let kept: Buffer[] = []
  let size = 0
  return (piece) => {
    kept.push(piece)
    size += piece.length
    // A long content is put together once, when it is whole.
    if (size < needed(kept)) return
    let all = kept.length === 1 ? piece : Buffer.concat(kept)
    for (let length = needed([all]); length <= all.length; length = needed([all])) {
      const content = all.subarray(LENGTH_BYTES, length)
      all = all.subarray(length)
      take(content)
    }
    kept = all.length === 0 ? [] : [all]
    size = all.length
  }
}

/** The bytes of the first frame, as far as its length is known. */
function needed(kept: Buffer[]): number {
  const [first = Buffer.alloc(0)] = kept
  if (first.length >= LENGTH_BYTES) return LENGTH_BYTES + first.readUInt32LE()
  const start = Buffer.concat(kept.slice(0, LENGTH_BYTES + 1))
  return start.length < LENGTH_BYTES ? Number.POSITIVE_INFINITY : LENGTH_BYTES + start.readUInt32LE()
}

export const READY_FRAME = frame(Buffer.of(READY))

export function replyFrame(reply: SqliteReply): Buffer {
  const text = JSON.stringify(reply, (_name, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
  return frame(Buffer.of(REPLY), Buffer.from(text))
}

export function pageFrame({ items, rows, last }: Page): Buffer {
  const facts = Buffer.from(JSON.stringify([rows, last ?? null]))
  const head = Buffer.allocUnsafe(1 + LENGTH_BYTES)
  head[0] = PAGE
  head.writeUInt32LE(facts.length, 1)
  return frame(head, facts, typeof items === 'string' ? Buffer.from(items) : items)
}

export function readAnswer(content: Buffer): { ready: true } | { page: Page } | SqliteReply {
  if (content[0] === READY) return { ready: true }
  if (content[0] === REPLY) return JSON.parse(content.toString('utf8', 1)) as SqliteReply
  const end = 1 + LENGTH_BYTES + content.readUInt32LE(1)
  const facts = JSON.parse(content.toString('utf8', 1 + LENGTH_BYTES, end)) as [number, JsonValue[] | null]
  return { page: { items: content.subarray(end), rows: facts[0], last: facts[1] ?? undefined } }
}
