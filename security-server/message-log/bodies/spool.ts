/**
 * Bodies on their way through the server: up to 1 MiB in memory, larger ones encrypted in a file, or in the
 * log's database; so are smaller ones when bodies hold much memory already. They are durable, under their
 * final name, before any record refers to them. Memory does not grow with the body.
 * Large bodies take turns, piece by piece: however many arrive at once, calls without a large body get most
 * of the machine.
 */
import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { giveMemoryBack, takeMemory } from '#platform/buffer-pool.ts'
import { heldMemory } from '#platform/held-memory.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { createBlocks } from './blocks.ts'
import { type Piece, readBodyFile } from './body-file.ts'
import type { BodyFolder } from './body-folder.ts'
import { type BodyWriter, createBodyWriter } from './body-writer.ts'

/** Bodies up to this size are stored in the record's own row, and stay in memory whatever else does. */
export const LARGEST_IN_ROW = 64 * 1024
/**
 * Bodies up to this size stay in memory if others leave room; the log's thread writes them into a segment
 * (segments/).
 */
const LARGEST_IN_MEMORY = 1024 * 1024

/**
 * How many pieces, of all large bodies of the process, are hashed, encrypted, written and read at a time:
 * half of the threads that scripts/concordat gives Node's pool. A body holds no place while its sender or
 * reader is slow, or while the disk syncs: syncing computes nothing, and is faster the more files sync
 * together. In the log's database each piece is a commit of its own, during which its place is held: four at
 * a time bound what large bodies ask of the database.
 */
const places = createPlaces(4)

/** One of the parts that a body joins: SOAP attachments, each of which the signature covers by itself. */
export type Attachment = {
  size: number
  sha512: Buffer
  /** Its MIME headers, as they came; nothing signs them. */
  headers: [name: string, value: string][]
}

export type SpooledBody = {
  size: number
  sha512: Buffer
  /** The attachments that the body joins, in order; absent when the body is one whole. */
  attachments?: Attachment[]
  /** Streams the plaintext from its start; may be called several times until the body is discarded. */
  open(): Readable
  /** All bytes of a body that is in memory. */
  bytes?: Buffer
  /** The file of a large body, or its rows in the log's database. */
  file?: { name: string; dataKey: Buffer }
  /** Releases the body; its file stays when a record refers to it. */
  discard(): Promise<void>
}

type SpoolWriter = {
  /**
   * Writes a chunk, whose memory nobody else may change or read afterwards: it may end. When it returns a
   * promise, the caller must wait for it before the next chunk. Throws `body_too_large`, `logging_failed`.
   */
  write(chunk: Buffer): void | Promise<void>
  /** SHA-512 of all that was written, once the last `write` has settled. */
  digestSoFar(): Buffer
  end(): Promise<SpooledBody>
  /** Lets go of the body, also of one that `end` is finishing. After that `write` and `end` fail. */
  abort(): Promise<void>
}

export type Spool = { begin(limits: { maxBytes: number }): SpoolWriter }

type SpoolFolder = Pick<BodyFolder, 'begin' | 'open' | 'release'>

export function createSpool(folder: SpoolFolder): Spool {
  return { begin: (limits) => beginBody(folder, limits.maxBytes) }
}

function beginBody(folder: SpoolFolder, maxBytes: number): SpoolWriter {
  let size = 0
  let held = createBlocks()
  let release: (() => void) | undefined
  let file: BodyWriter | undefined
  /** Of the first octets of a body in memory. */
  let known: { size: number; sha512: Buffer } | undefined
  let isOver = false

  const checkOpen = (): void => {
    // Nobody would remove the file that it might begin.
    if (isOver) throw new Fault('logging_failed', { what: 'a body was given up before it was whole' })
  }
  const forget = (): void => {
    held.letGo()
    held = createBlocks()
    release?.()
    release = undefined
  }
  const moveTo = (writer: BodyWriter): void | Promise<void> => {
    const all = held.soFar(takeMemory)
    forget()
    const written = writer.write(all)
    // Then it is in the writer's own memory, or the body is lost: nobody reads the copy any more.
    const giveBack = (): void => giveMemoryBack(all)
    if (written === undefined) giveBack()
    else written.then(giveBack, giveBack)
    return written
  }
  const write = (chunk: Buffer): void | Promise<void> => {
    checkOpen()
    size += chunk.length
    if (size > maxBytes) throw new Fault('body_too_large', { what: `more than ${maxBytes} octets` })
    if (file !== undefined) return file.write(chunk)
    held.add(chunk)
    if (size <= LARGEST_IN_ROW) return
    release?.()
    release = undefined
    if (size <= LARGEST_IN_MEMORY && heldMemory.fits(held.allocated())) {
      release = heldMemory.reserve(held.allocated())
      return
    }
    file = createBodyWriter(folder, places)
    return moveTo(file)
  }
  const digestOf = (digest: () => Buffer): Buffer => {
    if (known?.size !== size) known = { size, sha512: digest() }
    return known.sha512
  }
  return {
    write,
    digestSoFar: () => file?.digestSoFar() ?? digestOf(held.sha512),
    end: async () => {
      checkOpen()
      if (file !== undefined) return inFile(folder, size, await file.end())
      const bytes = size > LARGEST_IN_ROW ? held.whole(heldMemory.make) : held.whole()
      forget()
      // One that came in one piece, which may be somebody else's.
      if (size > LARGEST_IN_ROW) heldMemory.hold(bytes)
      return inMemory(
        bytes,
        digestOf(() => hash('sha512', bytes, 'buffer')),
      )
    },
    abort: async () => {
      isOver = true
      forget()
      await file?.abort()
    },
  }
}

function inMemory(bytes: Buffer, sha512: Buffer): SpooledBody {
  return {
    size: bytes.length,
    sha512,
    bytes,
    open: () => Readable.from(bytes.length === 0 ? [] : [bytes], { objectMode: false }),
    discard: async () => undefined,
  }
}

function inFile(
  folder: SpoolFolder,
  size: number,
  { sha512, ...reference }: Awaited<ReturnType<BodyWriter['end']>>,
): SpooledBody {
  return {
    size,
    sha512,
    file: reference,
    open: () => openBody(folder, reference),
    discard: () => folder.release(reference.name),
  }
}

/** Streams the plaintext of a body file, or a piece of it, from the folder that has the file. */
export function openBody(
  folder: Pick<BodyFolder, 'open'>,
  reference: { name: string; dataKey: Buffer },
  piece?: Piece,
): Readable {
  async function* chunks() {
    const source = readBodyFile(await folder.open(reference.name), reference.dataKey, piece)
    try {
      for (;;) {
        const { done, value } = await places.run(() => source.next())
        if (done === true) return
        yield value
      }
    } finally {
      await source.return(undefined)
    }
  }
  return Readable.from(chunks(), { objectMode: false })
}
