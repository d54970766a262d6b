/**
 * The file of a large body: a header, then chunks of 64 KiB, each encrypted and followed by its tag. The nonce contains the
 * chunk's number and whether it is the last, so chunks cannot be reordered, dropped or cut off unnoticed.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
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

/** A piece of a body: octets from `start`. */
export type Piece = { start: number; size: number }

/**
 * Yields the plaintext of an open body file chunk by chunk and closes the file at the end. Throws `log_inconsistent` at the first
 * chunk that was altered.
 */
export async function* readBodyFile(
  file: FileHandle,
  dataKey: Buffer,
  { start, size }: Piece = { start: 0, size: Number.MAX_SAFE_INTEGER },
): AsyncGenerator<Buffer> {
  try {
    const header = await readFully(file, BODY_FILE_HEADER.length, 0)
    if (!header.equals(BODY_FILE_HEADER)) throw damaged(0)
    const first = Math.floor(start / CHUNK)
    let skip = start - first * CHUNK
    let left = size
    let sealed = await readChunk(file, first)
    for (let number = first; left > 0; number++) {
      // A short chunk is the last; a full one is the last when nothing follows.
      const following = sealed.length === CHUNK + TAG ? await readChunk(file, number + 1) : Buffer.alloc(0)
      const last = following.length === 0
      const plain = openChunk(dataKey, number, last, sealed).subarray(skip, skip + left)
      skip = 0
      left -= plain.length
      if (plain.length > 0) yield plain
      if (last) return
      sealed = following
    }
  } finally {
    await file.close()
  }
}

function readChunk(file: FileHandle, number: number): Promise<Buffer> {
  return readFully(file, CHUNK + TAG, BODY_FILE_HEADER.length + number * (CHUNK + TAG))
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

async function readFully(file: FileHandle, size: number, from: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size)
  let length = 0
  while (length < size) {
    const { bytesRead } = await file.read(bytes, length, size - length, from + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return bytes.subarray(0, length)
}

function damaged(chunk: number, cause?: unknown): Fault {
  return new Fault('log_inconsistent', { what: `chunk ${chunk} of a body file does not decrypt`, cause })
}
