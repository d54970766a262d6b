/**
 * Signature documents of one signer differ in a few hundred octets of several thousand: digests, time and value, all
 * at the same places. A document is stored as its differing runs against an earlier one of the same length:
 * repeated `offset (4, big-endian) ‖ length (2) ‖ octets`, rising, not touching.
 */
import { Fault } from '#schemas/fault.ts'

const WORD = 4
const HEAD = 6
/** So many equal words end a run: a shorter gap costs less than a new head. */
const GAP = 2
const MAX_RUN = 0xfff0

/** The difference of `document` to `base`, or undefined when it saves less than half. Both have the same length. */
export function encodeDelta(base: Buffer, document: Buffer): Buffer | undefined {
  const [baseWords, words] = [wordsOf(base), wordsOf(document)]
  const pieces: Buffer[] = []
  let size = 0
  let at = 0
  while (at < words.length) {
    if (baseWords[at] === words[at]) {
      at++
      continue
    }
    const start = at
    let end = at + 1
    for (at = end; at < words.length && at - end < GAP && (at - start) * WORD < MAX_RUN; at++) {
      if (baseWords[at] !== words[at]) end = at + 1
    }
    const run = document.subarray(start * WORD, Math.min(end * WORD, document.length))
    const head = Buffer.allocUnsafe(HEAD)
    head.writeUInt32BE(start * WORD)
    head.writeUInt16BE(run.length, 4)
    pieces.push(head, run)
    size += HEAD + run.length
    if (size > document.length >> 1) return undefined
    at = end
  }
  return Buffer.concat(pieces, size)
}

/** The document again. Throws `log_inconsistent` for a difference that encodeDelta would not write. */
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

/** Whole words: comparing four octets at a time is what makes this cheap. The rest of the last word is zero. */
function wordsOf(bytes: Buffer): Uint32Array {
  const length = Math.ceil(bytes.length / WORD)
  if (bytes.byteOffset % WORD === 0 && bytes.length % WORD === 0) {
    return new Uint32Array(bytes.buffer, bytes.byteOffset, length)
  }
  const words = new Uint32Array(length)
  bytes.copy(new Uint8Array(words.buffer))
  return words
}

function malformed(): Fault {
  return new Fault('log_inconsistent', { what: 'the stored difference of a signature document' })
}
