/** Writes a body file while the body arrives. When `end` resolves the file is durable under its final name. */
import { createHash, randomBytes } from 'node:crypto'
import { close, fsync, open, writev } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { heldMemory } from '#platform/held-memory.ts'
import type { Places } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { BODY_FILE_HEADER, CHUNK, sealChunk } from './body-file.ts'
import type { BodyFolder } from './body-folder.ts'

// File descriptors instead of FileHandles: a FileHandle that is garbage-collected before it is closed ends the process.
const openFile = promisify(open)
const syncFile = promisify(fsync)
const closeFile = promisify(close)
const writePieces = promisify(writev)

/**
 * How much is hashed, encrypted and written at once, while contents leave room in memory for that: each write is a call to a thread and
 * back. Else it is one chunk: so many who send slowly cost little each.
 */
const BLOCK = 4 * CHUNK

export type BodyWriter = {
  /** When it returns a promise, the caller waits for it, or memory grows, and nobody changes the chunk until then. Throws `logging_failed`. */
  write(chunk: Buffer): void | Promise<void>
  /** SHA-512 of all that was written, once the last `write` has settled. */
  digestSoFar(): Buffer
  /** Writes what is left and makes the file durable under its final name. Throws `logging_failed`. */
  end(): Promise<{ name: string; dataKey: Buffer; sha512: Buffer }>
  /** Removes the file, also one that `end` is finishing: waits for it first. After that `end` fails. */
  abort(): Promise<void>
}

type Written = Awaited<ReturnType<BodyWriter['end']>>

/** Each block is hashed, encrypted and written in a place of `places`. */
export function createBodyWriter(folder: BodyFolder, places: Pick<Places, 'run'>): BodyWriter {
  const name = folder.newName()
  const part = `${folder.incoming(name)}.part`
  const dataKey = randomBytes(32)
  const digest = createHash('sha512')
  // Reused for each block of plaintext: a large body must not produce garbage in memory.
  const { bytes: block, giveBack } = heldMemory.lend({ most: BLOCK, least: CHUNK })
  let filled = 0
  let number = 0
  let file: number | undefined
  let isOver = false

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
    giveBack()
    if (open !== undefined) await closeFile(open).catch(() => undefined)
    // The file may already have its final name if syncing the folder failed. What cannot be removed now the next start removes.
    for (const each of [part, folder.incoming(name)]) await rm(each, { force: true }).catch(() => undefined)
  }
  const orGiveUp = async <T>(act: () => Promise<T>): Promise<T> => {
    try {
      return await act()
    } catch (cause) {
      await giveUp()
      throw new Fault('logging_failed', { what: 'a body cannot be spooled', cause })
    }
  }
  // The last chunk has a flag, so a full block is written only when more bytes have come.
  const writeBlock = async (isLast: boolean): Promise<void> => {
    // Else a body that was given up while it waited for a place would begin a second file.
    if (isOver) throw new Fault('logging_failed', { what: 'a body was given up before it was whole' })
    const plain = block.subarray(0, filled)
    digest.update(plain)
    filled = 0
    const pieces: Buffer[] = []
    for (let at = 0; at === 0 || at < plain.length; at += CHUNK) {
      const last = isLast && at + CHUNK >= plain.length
      pieces.push(...sealChunk(dataKey, number++, last, plain.subarray(at, at + CHUNK)))
    }
    await orGiveUp(() => append(pieces))
  }
  const take = async (chunk: Buffer): Promise<void> => {
    for (let at = 0; at < chunk.length; ) {
      // A place for each block: who sends larger chunks gets no more of the machine.
      if (filled === block.length) await places.run(() => writeBlock(false))
      const taken = chunk.copy(block, filled, at)
      filled += taken
      at += taken
    }
  }
  /** Of the writes under way, the last; or one that failed. */
  let turn: Promise<void> | undefined
  let ending: Promise<Written> | undefined
  const finish = async (): Promise<Written> => {
    await turn
    await places.run(() => writeBlock(true))
    return orGiveUp(async () => {
      const written = file as number
      await syncFile(written)
      file = undefined
      giveBack()
      await closeFile(written)
      await rename(part, folder.incoming(name))
      await folder.syncIncoming()
      return { name, dataKey, sha512: digest.digest() }
    })
  }
  return {
    write: (chunk) => {
      if (turn === undefined && filled + chunk.length <= block.length) {
        filled += chunk.copy(block, filled)
        return undefined
      }
      // Behind the write under way: octets keep their order whether or not a caller waits.
      const own = (turn ?? Promise.resolve()).then(() => take(chunk))
      turn = own
      own.then(
        () => {
          if (turn === own) turn = undefined
        },
        // A caller that does not await this promise gets the fault from the next call.
        () => undefined,
      )
      return own
    },
    digestSoFar: () => digest.copy().update(block.subarray(0, filled)).digest(),
    end: () => {
      ending ??= finish()
      return ending
    },
    abort: async () => {
      isOver = true
      await turn?.catch(() => undefined)
      // A descriptor that is closed while `end` uses it may at once be that of another file, which `end` would then close.
      await ending?.catch(() => undefined)
      await giveUp()
    },
  }
}
