/**
 * Signature documents of one signer differ in a few hundred bytes of several thousand: digests, time and
 * value, always at the same places. A document is stored as its difference from an earlier one of the same
 * length: a sequence of `offset (4, big-endian) ‖ length (2) ‖ bytes`, ascending and not adjacent.
 */
import { Fault } from '#schemas/fault.ts'

const WORD = 4
const HEAD = 6
/** How many equal words end a run: a shorter gap costs less than a new header. */
const GAP = 2
const MAX_RUN = 0xfff0

// Reused for every difference; the result is copied out of it.
let scratch = Buffer.alloc(16 * 1024)

/** The difference between two documents of the same length; undefined when it saves less than half. */
export function encodeDelta(base: Buffer, document: Buffer): Buffer | undefined {
  const [baseWords, words] = [wordsOf(base), wordsOf(document)]
  const count = words.length
  const limit = document.length >> 1
  if (scratch.length < limit) scratch = Buffer.alloc(limit)
  let size = 0
  const add = (start: number, end: number): boolean => {
    if (size + HEAD + end - start > limit) return false
    scratch.writeUInt32BE(start, size)
    scratch.writeUInt16BE(end - start, size + 4)
    document.copy(scratch, size + HEAD, start, end)
    size += HEAD + end - start
    return true
  }
  let at = 0
  while (at < count) {
    if (baseWords[at] === words[at]) {
      at++
      continue
    }
    const start = at
    let end = at + 1
    for (at = end; at < count && at - end < GAP && (at - start) * WORD < MAX_RUN; at++) {
      if (baseWords[at] !== words[at]) end = at + 1
    }
    if (!add(start * WORD, end * WORD)) return undefined
    at = end
  }
  const rest = count * WORD
  if (base.compare(document, rest, undefined, rest) !== 0 && !add(rest, document.length)) return undefined
  return Buffer.from(scratch.subarray(0, size))
}

/** Rebuilds the document. Throws `log_inconsistent` for a difference that `encodeDelta` would not write. */
export function applyDelta(base: Buffer, delta: Buffer): Buffer {
  const document = Buffer.from(base)
  let at = 0
  let end = 0
  while (at < delta.length) {
    if (at + HEAD > delta.length) throw malformed()
    const offset = delta.readUInt32BE(at)
    const length = delta.readUInt16BE(at + 4)
    const next = at + HEAD + length
    if (offset < end || length === 0 || next > delta.length || offset + length > document.length)
      throw malformed()
    delta.copy(document, offset, at + HEAD, next)
    end = offset + length
    at = next
  }
  return document
}

/** Whether the difference changes any of these bytes of the base. */
export function touches(delta: Buffer, { start, end }: { start: number; end: number }): boolean {
  for (let at = 0; at + HEAD <= delta.length; ) {
    const [offset, length] = [delta.readUInt32BE(at), delta.readUInt16BE(at + 4)]
    if (offset < end && offset + length > start) return true
    at += HEAD + length
  }
  return false
}

/**
 * The bytes as words of four, which makes comparing them cheap. Up to three bytes at the end are left out.
 */
function wordsOf(bytes: Buffer): Uint32Array {
  const length = Math.floor(bytes.length / WORD)
  if (bytes.byteOffset % WORD === 0) return new Uint32Array(bytes.buffer, bytes.byteOffset, length)
  const copy = new Uint8Array(bytes)
  return new Uint32Array(copy.buffer, 0, length)
}

function malformed(): Fault {
  return new Fault('log_inconsistent', { what: 'the stored difference of a signature document' })
}
