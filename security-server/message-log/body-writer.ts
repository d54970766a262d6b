/** Writes a body while it arrives. When `end` resolves it is durable under its name. */
import { createHash, randomBytes } from 'node:crypto'
import { heldMemory } from '#platform/held-memory.ts'
import type { Places } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { BODY_FILE_HEADER, CHUNK, CHUNKS_AT_ONCE, sealChunk } from './body-file.ts'
import type { BodyFolder } from './body-folder.ts'

/** How much is hashed, encrypted and written at once, while contents leave room in memory for that; else it is one chunk. */
const BLOCK = CHUNKS_AT_ONCE * CHUNK

export type BodyWriter = {
  /** When it returns a promise, the caller waits for it, or memory grows, and nobody changes the chunk until then. Throws `logging_failed`. */
  write(chunk: Buffer): void | Promise<void>
  /** SHA-512 of all that was written, once the last `write` has settled. */
  digestSoFar(): Buffer
  /** Writes what is left and makes the body durable under its name. Throws `logging_failed`. */
  end(): Promise<{ name: string; dataKey: Buffer; sha512: Buffer }>
  /** Removes the body, also one that `end` is finishing: waits for it first. After that `end` fails. */
  abort(): Promise<void>
}

type Written = Awaited<ReturnType<BodyWriter['end']>>

/** Each block is hashed, encrypted and written in a place of `places`. */
export function createBodyWriter(folder: Pick<BodyFolder, 'begin'>, places: Pick<Places, 'run'>): BodyWriter {
  const destination = folder.begin()
  const dataKey = randomBytes(32)
  const digest = createHash('sha512')
  // Reused for each block of plaintext: a large body must not produce garbage in memory.
  const { bytes: block, giveBack } = heldMemory.lend({ most: BLOCK, least: CHUNK })
  let filled = 0
  let number = 0
  let isOver = false

  const giveUp = async (): Promise<void> => {
    giveBack()
    await destination.giveUp()
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
    const pieces: Buffer[] = number === 0 ? [BODY_FILE_HEADER] : []
    for (let at = 0; at === 0 || at < plain.length; at += CHUNK) {
      const last = isLast && at + CHUNK >= plain.length
      pieces.push(...sealChunk(dataKey, number++, last, plain.subarray(at, at + CHUNK)))
    }
    await orGiveUp(() => destination.append(pieces))
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
      giveBack()
      await destination.finish()
      return { name: destination.name, dataKey, sha512: digest.digest() }
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
