/**
 * The form of a body on the disk: a header, then chunks of 64 KiB, each encrypted and followed by its tag. The nonce contains the
 * chunk's number and whether it is the last, so chunks cannot be reordered, dropped or cut off unnoticed. A large body has a file of
 * its own, others a place in a segment (segments/).
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { Fault } from '#schemas/fault.ts'

/** Plaintext bytes of every chunk; the last one has 0 to CHUNK. */
export const CHUNK = 64 * 1024
export const BODY_FILE_HEADER = Buffer.from('concordat body 1')

const TAG = 16

/** A chunk as the file has it: ciphertext, then tag. The caller may reuse `plain` at once. */
export function sealChunk(dataKey: Buffer, number: number, last: boolean, plain: Buffer): [Buffer, Buffer] {
  const cipher = createCipheriv('aes-256-gcm', dataKey, nonceOf(number, last))
  const sealed = cipher.update(plain)
  cipher.final()
  return [sealed, cipher.getAuthTag()]
}

/** Encrypted in pieces of this size: what a cipher returns is then small enough for the allocator to have it at hand. */
const SEALED_AT_ONCE = 32 * 1024

/** A whole body in this form, under a key of its own; `size` is that of all pieces. */
export function sealBody(plain: Buffer): { pieces: Buffer[]; size: number; dataKey: Buffer } {
  const dataKey = randomBytes(32)
  const pieces = [BODY_FILE_HEADER]
  for (let number = 0, at = 0; number === 0 || at < plain.length; number++, at += CHUNK) {
    const chunk = plain.subarray(at, at + CHUNK)
    const cipher = createCipheriv('aes-256-gcm', dataKey, nonceOf(number, at + CHUNK >= plain.length))
    for (let from = 0; from < chunk.length; from += SEALED_AT_ONCE)
      pieces.push(cipher.update(chunk.subarray(from, from + SEALED_AT_ONCE)))
    cipher.final()
    pieces.push(cipher.getAuthTag())
  }
  return { pieces, size: pieces.reduce((sum, { length }) => sum + length, 0), dataKey }
}

/** An open file, and where in it the body is. */
export type LocatedBody = { file: FileHandle; start: number; end: number }

/** A piece of a body: octets from `start`. */
export type Piece = { start: number; size: number }

/**
 * Yields the plaintext of a body chunk by chunk and closes its file at the end. Throws `log_inconsistent` at the first
 * chunk that was altered.
 */
export async function* readBodyFile(
  located: LocatedBody,
  dataKey: Buffer,
  { start, size }: Piece = { start: 0, size: Number.MAX_SAFE_INTEGER },
): AsyncGenerator<Buffer> {
  try {
    const header = await readFully(located, BODY_FILE_HEADER.length, 0)
    if (!header.equals(BODY_FILE_HEADER)) throw damaged(0)
    const first = Math.floor(start / CHUNK)
    let skip = start - first * CHUNK
    let left = size
    let sealed = await readChunk(located, first)
    for (let number = first; left > 0; number++) {
      // A short chunk is the last; a full one is the last when nothing follows.
      const following = sealed.length === CHUNK + TAG ? await readChunk(located, number + 1) : Buffer.alloc(0)
      const last = following.length === 0
      const plain = openChunk(dataKey, number, last, sealed).subarray(skip, skip + left)
      skip = 0
      left -= plain.length
      if (plain.length > 0) yield plain
      if (last) return
      sealed = following
    }
  } finally {
    await located.file.close()
  }
}

function readChunk(located: LocatedBody, number: number): Promise<Buffer> {
  return readFully(located, CHUNK + TAG, BODY_FILE_HEADER.length + number * (CHUNK + TAG))
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

/** `from` counts from the start of the body. */
async function readFully({ file, start, end }: LocatedBody, most: number, from: number): Promise<Buffer> {
  const size = Math.max(0, Math.min(most, end - start - from))
  const bytes = Buffer.allocUnsafe(size)
  let length = 0
  while (length < size) {
    const { bytesRead } = await file.read(bytes, length, size - length, start + from + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return bytes.subarray(0, length)
}

function damaged(chunk: number, cause?: unknown): Fault {
  return new Fault('log_inconsistent', { what: `chunk ${chunk} of a body file does not decrypt`, cause })
}
