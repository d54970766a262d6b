/** Writes a body file while the body arrives. When `end` resolves the file is durable under its final name. */
import { randomBytes } from 'node:crypto'
import { close, fsync, open, writev } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { Fault } from '#schemas/fault.ts'
import { BODY_FILE_HEADER, CHUNK, sealChunk } from './body-file.ts'
import type { BodyFolder } from './body-folder.ts'

// File descriptors instead of FileHandles: a FileHandle that is garbage-collected before it is closed ends the process.
const openFile = promisify(open)
const syncFile = promisify(fsync)
const closeFile = promisify(close)
const writePieces = promisify(writev)

export type BodyWriter = {
  /** Resolves when the next chunk may be written; throws `logging_failed`. The caller may reuse the chunk's memory at once. */
  write(chunk: Buffer): Promise<void>
  /** Writes the last chunk; `write` must not be called afterwards. Throws `logging_failed`. */
  seal(): Promise<void>
  /** After `seal`: makes the file durable under its final name. Throws `logging_failed`. */
  end(): Promise<{ name: string; dataKey: Buffer }>
  abort(): Promise<void>
}

export function createBodyWriter(folder: BodyFolder): BodyWriter {
  const name = folder.newName()
  const part = `${folder.incoming(name)}.part`
  const dataKey = randomBytes(32)
  // The buffer for one chunk of plaintext, reused for each: a large body must not produce garbage in memory.
  const plain = Buffer.allocUnsafe(CHUNK)
  let filled = 0
  let number = 0
  let file: number | undefined

  const append = async (pieces: Buffer[]): Promise<void> => {
    if (file === undefined) {
      file = await openFile(part, 'wx', 0o600)
      pieces = [BODY_FILE_HEADER, ...pieces]
    }
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
    const { bytesWritten } = await writePieces(file, pieces)
    if (bytesWritten !== length) throw new Error('short write')
  }
  const giveUp = async (): Promise<void> => {
    const open = file
    file = undefined
    if (open !== undefined) await closeFile(open).catch(() => undefined)
    await rm(part, { force: true })
    // The file may already have its final name if syncing the folder failed.
    await rm(folder.incoming(name), { force: true })
  }
  const orGiveUp = async <T>(act: () => Promise<T>): Promise<T> => {
    try {
      return await act()
    } catch (cause) {
      await giveUp()
      throw new Fault('logging_failed', { what: 'a body cannot be spooled', cause })
    }
  }
  // The last chunk has a flag, so a full chunk is sealed only when more bytes have come.
  const take = (chunk: Buffer): Buffer[] => {
    const sealed: Buffer[] = []
    for (let at = 0; at < chunk.length; ) {
      if (filled === CHUNK) {
        sealed.push(...sealChunk(dataKey, number++, false, plain))
        filled = 0
      }
      const taken = chunk.copy(plain, filled, at)
      filled += taken
      at += taken
    }
    return sealed
  }
  let turn: Promise<void> = Promise.resolve()
  return {
    write: (chunk) => {
      const sealed = take(chunk)
      if (sealed.length === 0) return turn
      turn = turn.then(() => orGiveUp(() => append(sealed)))
      // A caller that does not await this promise gets the fault from `seal` or `end`.
      turn.catch(() => undefined)
      return turn
    },
    seal: async () => {
      await turn
      await orGiveUp(() => append(sealChunk(dataKey, number, true, plain.subarray(0, filled))))
    },
    end: () =>
      orGiveUp(async () => {
        const written = file as number
        await syncFile(written)
        file = undefined
        await closeFile(written)
        await rename(part, folder.incoming(name))
        await folder.syncIncoming()
        return { name, dataKey }
      }),
    abort: async () => {
      await turn.catch(() => undefined)
      await giveUp()
    },
  }
}
