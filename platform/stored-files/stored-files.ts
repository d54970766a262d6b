/**
 * Files of any size in the database, for nodes without a shared file system. A file is written in pieces of
 * at most 256 KiB, each sealed under a key of its own file, and is there for others when its size and digest
 * are committed. Memory holds one piece of it, however large it is.
 */
import { createHash, createHmac } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Within } from '#platform/database/open-database.ts'
import { type ClusterKeys, sealingKey } from '#platform/shared-files/cluster-key.ts'
import type { SealedAnew } from '#platform/shared-files/seal-anew.ts'
import { HEAD_OCTETS, keyOf, openFile, sealFile } from '#platform/shared-files/seal-file.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { SealedPiece, StoredFileStore } from './store.ts'

export const PIECE_OCTETS = 256 * 1024
/** Of so many pieces the beginning is read in one statement, which ends long before the database's limit. */
const HEADS_AT_ONCE = 256

/** Where pieces are sealed for: the cluster keys, and the server whose files they are. */
export type Sealing = { keys: ClusterKeys; scope: string }

/** Octets from `start` to before `end`, piece by piece. Throws `stored_file_damaged`. */
type ReadOctets = (start?: number, end?: number) => AsyncGenerator<Buffer>

type StoredFile = { size: number; read: ReadOctets }

export type StoredFiles = ReturnType<typeof createStoredFiles>

export function createStoredFiles({ store, ...sealing }: Sealing & { store: StoredFileStore }) {
  const append = async (
    id: string,
    at: number,
    bytes: Buffer,
    also: (within: Within) => Promise<void> = async () => undefined,
  ): Promise<void> => {
    const keys = keysOf(id, sealing)
    const pieces: SealedPiece[] = []
    for (let from = 0; from < bytes.length; from += PIECE_OCTETS) {
      const content = bytes.subarray(from, from + PIECE_OCTETS)
      const start = at + from
      pieces.push({ start, sealed: sealFile(keys, boundTo(id, start, sealing), content) })
    }
    if (!(await store.append({ id, at, size: at + bytes.length, pieces, also }))) throw lost(id)
  }
  const digest = async (read: ReadOctets): Promise<Buffer> => {
    const sha256 = createHash('sha256')
    for await (const bytes of read()) sha256.update(bytes)
    return sha256.digest()
  }
  const written = async (id: string): Promise<StoredFile> => {
    const row = await store.get(id)
    if (row === undefined || row.state === 'removed')
      throw new Fault('not_found', { what: say`the stored file ${id}` })
    return { size: row.size, read: readerOf(id, row.size, { store, ...sealing }) }
  }
  const remove = async (id: string, unlessComplete: boolean): Promise<void> => {
    await store.markRemoved(id, { unlessComplete })
    if ((await store.get(id))?.state === 'removed') await drop(id, store)
  }

  return {
    /** Begins an empty file; in the transaction with the row that means it, if there is one already. */
    begin: store.begin,

    /**
     * Adds octets to a file that was begun and ends before `at`, and runs `also` in the same transaction.
     * Throws `conflict`.
     */
    append,

    /**
     * Writes a file that was begun, from its first octet on. Returns its size. Throws `conflict` when it is
     * removed meanwhile.
     */
    async write(id: string, chunks: AsyncIterable<Buffer>): Promise<number> {
      let size = 0
      let waiting: Buffer[] = []
      let octets = 0
      const flush = async (): Promise<void> => {
        if (octets === 0) return
        const bytes = Buffer.concat(waiting)
        ;[waiting, octets] = [[], 0]
        await append(id, size, bytes)
        size += bytes.length
      }
      for await (const chunk of chunks) {
        for (let at = 0; at < chunk.length; ) {
          const part = chunk.subarray(at, at + PIECE_OCTETS - octets)
          waiting.push(part)
          octets += part.length
          at += part.length
          if (octets === PIECE_OCTETS) await flush()
        }
      }
      await flush()
      return size
    },

    /**
     * In the transaction with the row that means it. Throws `conflict` unless the file was begun and has this
     * size.
     */
    async complete(id: string, q: { size: number; sha256: Buffer; within: Within }): Promise<void> {
      if (!(await store.complete(id, q))) throw lost(id)
    },

    /** What was written so far, to be read back by its maker. Throws `not_found`. */
    written,
    digest,

    /**
     * A complete file, after all of it was read and its digest compared: a piece that is altered, of another
     * file or missing is told before the first octet is given away. `expected` is the digest that a row
     * elsewhere has of it. Throws `not_found`, `stored_file_damaged`.
     */
    async open(id: string, expected?: Buffer): Promise<StoredFile> {
      const row = await store.get(id)
      if (row?.state !== 'complete') throw new Fault('not_found', { what: say`the stored file ${id}` })
      const file = await written(id)
      const found = await digest(file.read)
      if (!found.equals(expected ?? row.sha256!)) throw damaged(id, say`its digest is another one`)
      return file
    },

    /** One pass over all pieces: those under an older line of the cluster key get the one that seals now. */
    sealAnew: (signal: AbortSignal): Promise<SealedAnew> => sealPiecesAnew({ store, ...sealing }, signal),

    /**
     * Deletes the file; who reads it just now is told that it is damaged. When it ends half-way, `sweep` goes
     * on.
     */
    remove: (id: string): Promise<void> => remove(id, false),

    /**
     * Deletes what nobody completes any more: files whose maker is none of those that live, and is not asked
     * for before it is known which files there are, so that a process that has just begun loses nothing. A
     * maker that was silent and comes back gets `conflict`.
     */
    async sweep(living: () => Promise<ReadonlySet<string>>): Promise<void> {
      const { begun, removed } = await store.unfinished()
      const alive = begun.length === 0 ? new Set<string>() : await living()
      for (const { id, maker } of begun) {
        if (alive.has(maker)) continue
        await remove(id, true)
      }
      for (const id of removed) await drop(id, store)
    },
  }
}

/** Memory holds one piece. A piece that is gone by then went with its file. */
async function sealPiecesAnew(
  { store, ...sealing }: Sealing & { store: StoredFileStore },
  signal: AbortSignal,
): Promise<SealedAnew> {
  const newest = sealingKey(sealing.keys).id
  const done = { sealed: 0, left: 0 }
  let after = { file: '', start: -1 }
  for (;;) {
    const looked = performance.now()
    const heads = await store.heads({ after, octets: HEAD_OCTETS, most: HEADS_AT_ONCE })
    await rest(looked, signal)
    for (const { file, start, head } of heads) {
      if (keyOf(head) === newest) continue
      signal.throwIfAborted()
      const begun = performance.now()
      const piece = await store.pieceWith(file, start)
      if (piece?.start !== start) continue
      const [keys, bound] = [keysOf(file, sealing), boundTo(file, start, sealing)]
      const opened = openFile(keys, bound, piece.sealed)
      if ('failure' in opened) {
        if (opened.failure === 'key') done.left++
      } else if (
        await store.replaceSealed({ file, start, head, sealed: sealFile(keys, bound, opened.content) })
      )
        done.sealed++
      await rest(begun, signal)
    }
    const last = heads.at(-1)
    if (last === undefined) return done
    after = { file: last.file, start: last.start }
  }
}

/**
 * As long as the work took that has begun at `begun`: in the pauses exchanges have the machine and the
 * database.
 */
async function rest(begun: number, signal: AbortSignal): Promise<void> {
  await wait(performance.now() - begun, undefined, { signal })
}

async function drop(id: string, store: StoredFileStore): Promise<void> {
  while (await store.dropSome(id));
}

/** Remembers the last piece: what reads a ZIP file asks for many short ranges of one. */
function readerOf(id: string, size: number, q: Sealing & { store: StoredFileStore }): ReadOctets {
  const keys = keysOf(id, q)
  let last: { start: number; bytes: Buffer } | undefined
  const pieceWith = async (octet: number): Promise<{ start: number; bytes: Buffer }> => {
    if (last !== undefined && octet >= last.start && octet < last.start + last.bytes.length) return last
    const row = await q.store.pieceWith(id, octet)
    if (row === undefined) throw damaged(id, say`nothing is there from octet ${octet} on`)
    const opened = openFile(keys, boundTo(id, row.start, q), row.sealed)
    if ('failure' in opened)
      throw damaged(
        id,
        opened.failure === 'key'
          ? say`its piece at octet ${row.start} is sealed under a cluster key that this node has not`
          : say`its piece at octet ${row.start} was altered`,
      )
    const bytes = opened.content ?? Buffer.alloc(0)
    if (row.start + bytes.length <= octet) throw damaged(id, say`nothing is there from octet ${octet} on`)
    last = { start: row.start, bytes }
    return last
  }
  return async function* read(start = 0, end = size) {
    for (let at = start; at < end; ) {
      const piece = await pieceWith(at)
      const part = piece.bytes.subarray(at - piece.start, end - piece.start)
      yield part
      at += part.length
    }
  }
}

/** Keys of this file alone: so many files may be sealed that the random nonces of one key would repeat. */
function keysOf(id: string, { keys, scope }: Sealing): ClusterKeys {
  const [first, ...more] = keys.lines
  const derived = (one: typeof first): typeof first => ({
    id: one.id,
    key: createHmac('sha256', one.key).update(`concordat stored file 1\n${scope}\n${id}`).digest(),
  })
  return { lines: [derived(first), ...more.map(derived)], sealsBy: keys.sealsBy }
}

function boundTo(id: string, start: number, { scope }: Sealing) {
  return { scope, name: `stored file ${id}`, change: start }
}

function lost(id: string): Fault {
  return new Fault('conflict', { what: say`the file ${id} was removed, or another process writes it` })
}

function damaged(id: string, why: ReturnType<typeof say>): Fault {
  return new Fault('stored_file_damaged', { what: say`the stored file ${id}: ${why}` })
}
