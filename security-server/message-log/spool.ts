/**
 * Bodies on their way through: up to 64 KiB in memory, larger ones in an encrypted file that is on disk, under its
 * final name, before any record refers to it. Memory does not grow with the body.
 */
import { createHash, type Hash, randomBytes } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { Fault } from '#schemas/fault.ts'
import { BODY_FILE_HEADER, CHUNK, readBodyFile, sealChunk } from './body-file.ts'
import type { BodyFolder } from './body-folder.ts'

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
    yield* readBodyFile(await folder.locate(reference.name), reference.dataKey)
  }
  return Readable.from(chunks(), { objectMode: false })
}

type BodyWriter = {
  write(chunk: Buffer): Promise<void>
  end(): Promise<{ name: string; dataKey: Buffer }>
  abort(): Promise<void>
}

function createBodyWriter(folder: BodyFolder): BodyWriter {
  const name = folder.newName()
  const part = `${folder.incoming(name)}.part`
  const dataKey = randomBytes(32)
  let pending: Buffer[] = []
  let pendingSize = 0
  let number = 0
  let file: FileHandle | undefined

  const append = async (bytes: Buffer[]): Promise<void> => {
    try {
      if (file === undefined) {
        file = await open(part, 'wx', 0o600)
        bytes = [BODY_FILE_HEADER, ...bytes]
      }
      const length = bytes.reduce((sum, piece) => sum + piece.length, 0)
      const { bytesWritten } = await file.writev(bytes)
      if (bytesWritten !== length) throw new Error('short write')
    } catch (cause) {
      throw new Fault('logging_failed', { what: 'a body cannot be spooled', cause })
    }
  }
  // The last chunk is flagged, so one full chunk is always held back until more or the end has come.
  const sealReady = (): Buffer[] => {
    const all = pending.length === 1 ? pending[0]! : Buffer.concat(pending)
    const sealed: Buffer[] = []
    let at = 0
    for (; all.length - at > CHUNK; at += CHUNK) {
      sealed.push(sealChunk(dataKey, number++, false, all.subarray(at, at + CHUNK)))
    }
    // A copy: the rest must not keep the whole of what has been written alive, nor change under us.
    pending = [Buffer.from(all.subarray(at))]
    pendingSize = all.length - at
    return sealed
  }
  let turn: Promise<void> = Promise.resolve()
  return {
    write: (chunk) => {
      const copy = Buffer.from(chunk)
      turn = turn.then(async () => {
        pending.push(copy)
        pendingSize += copy.length
        if (pendingSize > CHUNK) await append(sealReady())
      })
      return turn
    },
    end: async () => {
      await turn
      await append([...sealReady(), sealChunk(dataKey, number, true, Buffer.concat(pending))])
      await finish(folder, file!, part, name)
      file = undefined
      return { name, dataKey }
    },
    abort: async () => {
      await turn.catch(() => undefined)
      await file?.close().catch(() => undefined)
      await rm(part, { force: true })
    },
  }
}

async function finish(folder: BodyFolder, file: FileHandle, part: string, name: string): Promise<void> {
  try {
    await file.sync()
    await file.close()
    await rename(part, folder.incoming(name))
    await folder.syncIncoming()
  } catch (cause) {
    throw new Fault('logging_failed', { what: 'a body cannot be spooled', cause })
  }
}
