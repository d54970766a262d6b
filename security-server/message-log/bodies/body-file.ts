/**
 * The form of a stored body: a header, then chunks of 64 KiB, each encrypted and followed by its tag. The
 * nonce contains the chunk's number and whether it is the last, so chunks cannot be reordered, dropped or cut
 * off unnoticed. A large body has a file of its own, others a place in a segment (segments/); or each has
 * rows in the log's database (pieces/).
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { countBufferGarbage } from '#platform/buffer-garbage.ts'
import { heldMemory } from '#platform/held-memory.ts'
import { Fault } from '#schemas/fault.ts'

/** Plaintext bytes of every chunk; the last one has 0 to CHUNK. */
export const CHUNK = 64 * 1024
export const BODY_FILE_HEADER = Buffer.from('concordat body 1')

const TAG = 16
export const SEALED_CHUNK = CHUNK + TAG
/**
 * How many chunks are written or read at once while contents leave room in memory for that: each time is a
 * call to a thread or to the database and back. Else it is one: so many who send or read slowly cost little
 * each.
 */
export const CHUNKS_AT_ONCE = 4
/** The most octets that are written at once: so many chunks, and the header before the first. */
export const LARGEST_BLOCK = BODY_FILE_HEADER.length + CHUNKS_AT_ONCE * SEALED_CHUNK

/**
 * Encrypted in pieces of this size: what a cipher returns is then small enough for the allocator to have it
 * at hand.
 */
const SEALED_AT_ONCE = 32 * 1024

/** A chunk as the file has it: ciphertext in pieces, then tag. The caller may reuse `plain` at once. */
function sealChunk(dataKey: Buffer, number: number, last: boolean, plain: Buffer): Buffer[] {
  const cipher = createCipheriv('aes-256-gcm', dataKey, nonceOf(number, last))
  const pieces: Buffer[] = []
  for (let from = 0; from < plain.length; from += SEALED_AT_ONCE)
    pieces.push(cipher.update(plain.subarray(from, from + SEALED_AT_ONCE)))
  cipher.final()
  pieces.push(cipher.getAuthTag())
  return pieces
}

/**
 * Encrypts the first `size` octets of `block` in their place, from chunk `number` on, and returns what the
 * file has of them; `block` has room for the tags. What a cipher returns is copied at once: kept until it is
 * written it would grow old, and to collect what is old is dear.
 */
export function sealBlock(
  dataKey: Buffer,
  { block, size, number, isLast }: { block: Buffer; size: number; number: number; isLast: boolean },
): Buffer {
  const count = Math.max(1, Math.ceil(size / CHUNK))
  // From the last chunk on: the tags before a chunk move it back, to where the next one was.
  for (let i = count - 1; i >= 0; i--) {
    const plain = block.subarray(i * CHUNK, Math.min(size, (i + 1) * CHUNK))
    let at = i * SEALED_CHUNK
    for (const piece of sealChunk(dataKey, number + i, isLast && i === count - 1, plain))
      at += piece.copy(block, at)
  }
  return block.subarray(0, size + count * TAG)
}

/** A whole body in this form, under a key of its own; `size` is that of all pieces. */
export function sealBody(plain: Buffer): { pieces: Buffer[]; size: number; dataKey: Buffer } {
  const dataKey = randomBytes(32)
  const pieces: Buffer[] = [BODY_FILE_HEADER]
  for (let number = 0, at = 0; number === 0 || at < plain.length; number++, at += CHUNK)
    pieces.push(...sealChunk(dataKey, number, at + CHUNK >= plain.length, plain.subarray(at, at + CHUNK)))
  return { pieces, size: pieces.reduce((sum, { length }) => sum + length, 0), dataKey }
}

/**
 * Ends the memory of what `sealBody` returned, once it is written: else V8 collects the whole heap for it.
 */
export function endPieces(pieces: Buffer[]): void {
  for (const { buffer, length } of pieces)
    if (length === SEALED_AT_ONCE && buffer.byteLength === length) (buffer as ArrayBuffer).transfer(0)
}

/** How many octets a stored body of so many octets has. */
export function sealedSize(size: number): number {
  return BODY_FILE_HEADER.length + size + Math.max(1, Math.ceil(size / CHUNK)) * TAG
}

/** Where a body goes while it arrives: a file, or rows of the log's database. */
export type BodyDestination = {
  name: string
  /** Octets that follow each other, in this form. */
  append(pieces: Buffer[]): Promise<void>
  /** When it resolves, all that was appended is durable under the name. */
  finish(): Promise<void>
  /** Removes what was appended; never throws. */
  giveUp(): Promise<void>
}

/** What is read from one place after the other: a file, or pieces in the database. */
type OpenOctets = {
  /** Reads up to `length` octets from `position` on; tells 0 at the end. */
  read(bytes: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>
  close(): Promise<void>
}

/** What is open, and where in it the body is. */
export type LocatedBody = { file: OpenOctets; start: number; end: number }

/** A piece of a body: octets from `start`. */
export type Piece = { start: number; size: number }

/**
 * Yields the plaintext of a body chunk by chunk and closes it at the end. Throws `log_inconsistent` at the
 * first chunk that was altered.
 */
export async function* readBodyFile(
  located: LocatedBody,
  dataKey: Buffer,
  piece: Piece = { start: 0, size: Number.MAX_SAFE_INTEGER },
): AsyncGenerator<Buffer> {
  let giveBack = (): void => undefined
  try {
    const header = Buffer.allocUnsafe(BODY_FILE_HEADER.length)
    if ((await fill(header, located, 0)) < header.length || !header.equals(BODY_FILE_HEADER)) throw damaged(0)
    const first = Math.floor(piece.start / CHUNK)
    let skip = piece.start - first * CHUNK
    let left = piece.size
    let next = BODY_FILE_HEADER.length + first * SEALED_CHUNK
    const chunks = Math.min(CHUNKS_AT_ONCE, Math.ceil((skip + left) / CHUNK))
    const size = Math.max(0, located.end - located.start)
    // With an octet of the chunk behind them, if there is one: the last chunk is the one that nothing
    // follows.
    const lent = heldMemory.lend({ most: Math.min(chunks * SEALED_CHUNK + 1, size), least: SEALED_CHUNK + 1 })
    const { bytes } = lent
    giveBack = lent.giveBack
    let sealed = bytes.subarray(0, 0)
    for (let number = first; left > 0; number++) {
      if (sealed.length <= SEALED_CHUNK) {
        const kept = sealed.copy(bytes)
        const read = await fill(bytes.subarray(kept), located, next)
        sealed = bytes.subarray(0, kept + read)
        next += read
      }
      const last = sealed.length <= SEALED_CHUNK
      const chunk = openChunk(dataKey, number, last, sealed.subarray(0, SEALED_CHUNK))
      const plain = chunk.subarray(skip, skip + left)
      sealed = sealed.subarray(SEALED_CHUNK)
      skip = 0
      left -= plain.length
      if (plain.length > 0) yield plain
      countBufferGarbage(chunk.length)
      if (last) return
    }
  } finally {
    giveBack()
    await located.file.close()
  }
}

function openChunk(dataKey: Buffer, number: number, last: boolean, sealed: Buffer): Buffer {
  if (sealed.length < TAG) throw damaged(number)
  const decipher = createDecipheriv('aes-256-gcm', dataKey, nonceOf(number, last), { authTagLength: TAG })
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG))
  const plain = decipher.update(sealed.subarray(0, sealed.length - TAG))
  try {
    decipher.final()
  } catch (cause) {
    throw damaged(number, cause)
  }
  return plain
}

function nonceOf(number: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(number, 7)
  nonce[11] = last ? 1 : 0
  return nonce
}

/**
 * Reads until `bytes` is full or the body ends, and tells how much that is; `from` counts from the start of
 * the body.
 */
async function fill(bytes: Buffer, { file, start, end }: LocatedBody, from: number): Promise<number> {
  const size = Math.max(0, Math.min(bytes.length, end - start - from))
  let length = 0
  while (length < size) {
    const { bytesRead } = await file.read(bytes, length, size - length, start + from + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return length
}

function damaged(chunk: number, cause?: unknown): Fault {
  return new Fault('log_inconsistent', { what: `chunk ${chunk} of a body does not decrypt`, cause })
}
