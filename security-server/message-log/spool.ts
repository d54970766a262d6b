/**
 * Bodies on their way through: up to 64 KiB in memory, larger ones in an encrypted file that is on disk, under its
 * final name, before any record refers to it. Memory does not grow with the body.
 */
import { createHash, type Hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { Fault } from '#schemas/fault.ts'
import { readBodyFile } from './body-file.ts'
import type { BodyFolder } from './body-folder.ts'
import { type BodyWriter, createBodyWriter } from './body-writer.ts'

/** Bodies up to this size stay in memory and in the record's own row. */
export const IN_MEMORY = 64 * 1024

export type SpooledBody = {
  size: number
  sha512: Buffer
  /** The plaintext from its start; may be opened several times until the body is discarded. */
  open(): Readable
  /** All of it, when small. */
  bytes?: Buffer
  /** Where it lies, when large. */
  file?: { name: string; dataKey: Buffer }
  /** Lets go of the body; its file stays when a record refers to it. */
  discard(): Promise<void>
}

export type SpoolWriter = {
  /** Takes the chunk; a promise means "wait before the next one". Throws `body_too_large`, `logging_failed`. */
  write(chunk: Buffer): void | Promise<void>
  end(): Promise<SpooledBody>
  abort(): Promise<void>
}

export type Spool = { begin(limits: { maxBytes: number }): SpoolWriter }

export function createSpool(folder: BodyFolder): Spool {
  return { begin: (limits) => beginBody(folder, limits.maxBytes) }
}

function beginBody(folder: BodyFolder, maxBytes: number): SpoolWriter {
  const hash = createHash('sha512')
  let size = 0
  let held: Buffer[] = []
  let file: BodyWriter | undefined

  const write = (chunk: Buffer): void | Promise<void> => {
    size += chunk.length
    if (size > maxBytes) throw new Fault('body_too_large', { what: `more than ${maxBytes} octets` })
    hash.update(chunk)
    if (file !== undefined) return file.write(chunk)
    // The source may reuse its memory after this call.
    held.push(Buffer.from(chunk))
    if (size <= IN_MEMORY) return
    file = createBodyWriter(folder)
    const start = Buffer.concat(held)
    held = []
    return file.write(start)
  }
  return {
    write,
    end: () => (file === undefined ? inMemory(Buffer.concat(held), hash) : inFile(folder, file, size, hash)),
    abort: async () => {
      held = []
      await file?.abort()
    },
  }
}

async function inMemory(bytes: Buffer, hash: Hash): Promise<SpooledBody> {
  return {
    size: bytes.length,
    sha512: hash.digest(),
    bytes,
    open: () => Readable.from(bytes.length === 0 ? [] : [bytes], { objectMode: false }),
    discard: async () => undefined,
  }
}

async function inFile(folder: BodyFolder, file: BodyWriter, size: number, hash: Hash): Promise<SpooledBody> {
  const reference = await file.end()
  return {
    size,
    sha512: hash.digest(),
    file: reference,
    open: () => openBody(folder, reference),
    discard: () => folder.release(reference.name),
  }
}

/** The plaintext of a body file, wherever it lies now. */
export function openBody(folder: BodyFolder, reference: { name: string; dataKey: Buffer }): Readable {
  async function* chunks() {
    yield* readBodyFile(await folder.open(reference.name), reference.dataKey)
  }
  return Readable.from(chunks(), { objectMode: false })
}
