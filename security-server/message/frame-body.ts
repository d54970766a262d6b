/**
 * A body with bytes before each of its pieces and after the last one: parts of a multipart, without a copy of
 * the body.
 */
import { Readable } from 'node:stream'
import { heldMemory } from '#platform/held-memory.ts'
import type { Body, Content } from './body.ts'

/** What stands before each attachment (before the body, when it is one whole), and what stands at the end. */
export type Frame = { before: Buffer[]; end: Buffer }

const NOTHING = Buffer.alloc(0)
const SMALL = 64 * 1024

/** The content that the pieces of `body` and `frame` make together. */
export function frameBody(body: Body, frame: Frame): Content {
  const framed = framedPieces(body, frame)
  if (framed !== undefined) return wholeContent(joined(framed))
  const pieces = piecesOf(body, frame)
  const size = pieces.reduce((sum, { before }) => sum + before.length, body.size + frame.end.length)
  return { size, open: () => Readable.from(stream(body, pieces, frame.end), { objectMode: false }) }
}

/** The same in order, of a body that is in memory: who adds more around it copies it once. */
export function framedPieces(body: Body, frame: Frame): Buffer[] | undefined {
  const { bytes } = body
  if (bytes === undefined) return undefined
  let at = 0
  const framed = piecesOf(body, frame).flatMap(({ size, before }) => {
    at += size
    return [before, bytes.subarray(at - size, at)]
  })
  return [...framed, frame.end]
}

/**
 * One buffer of all, of text an octet for each character; what is large counts as held for as long as it is
 * being sent.
 */
export function joined(pieces: readonly (Buffer | string)[]): Buffer {
  let at = 0
  const size = pieces.reduce((all, { length }) => all + length, 0)
  const whole = size > SMALL ? heldMemory.make(size) : Buffer.allocUnsafe(size)
  for (const piece of pieces)
    at += typeof piece === 'string' ? whole.write(piece, at, 'latin1') : piece.copy(whole, at)
  return whole
}

function piecesOf(body: Body, frame: Frame): { size: number; before: Buffer }[] {
  return (body.attachments ?? [body]).map(({ size }, i) => ({ size, before: frame.before[i] ?? NOTHING }))
}

/** Content that is in memory. */
export function wholeContent(bytes: Buffer): Content {
  const open = (): Readable => Readable.from(bytes.length === 0 ? [] : [bytes], { objectMode: false })
  return { size: bytes.length, bytes, open }
}

async function* stream(
  body: Body,
  pieces: { size: number; before: Buffer }[],
  end: Buffer,
): AsyncGenerator<Buffer> {
  const rest = pieces.entries()
  let left = 0
  /** Begins the pieces that come now, those without a byte included. The last one takes all that comes. */
  function* begin(): Generator<Buffer> {
    for (const [i, { size, before }] of rest) {
      yield before
      left = i === pieces.length - 1 ? Number.POSITIVE_INFINITY : size
      if (left > 0) return
    }
  }
  for await (const chunk of body.open() as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; ) {
      if (left === 0) yield* begin()
      const piece = chunk.subarray(at, at + left)
      yield piece
      at += piece.length
      left -= piece.length
    }
  }
  // The stream may end before pieces without a byte.
  for (const [, { before }] of rest) yield before
  yield end
}
