/** Writes a body while it arrives. When `end` resolves it is durable under its name. */
import { createHash, randomBytes } from 'node:crypto'
import { countBufferGarbage } from '#platform/buffer-garbage.ts'
import { heldMemory } from '#platform/held-memory.ts'
import type { Places } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { BODY_FILE_HEADER, CHUNK, CHUNKS_AT_ONCE, SEALED_CHUNK, sealBlock } from './body-file.ts'
import type { BodyFolder } from './body-folder.ts'

export type BodyWriter = {
  /**
   * When it returns a promise, the caller waits for it, or memory grows, and nobody changes the chunk until
   * then. Throws `logging_failed`.
   */
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
  // Reused for each block, which is encrypted in its place: a large body must not produce garbage in memory.
  const lent = heldMemory.lend({ most: CHUNKS_AT_ONCE * SEALED_CHUNK, least: SEALED_CHUNK })
  const { giveBack } = lent
  const most = Math.floor(lent.bytes.length / SEALED_CHUNK) * CHUNK
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
    const size = filled
    digest.update(lent.bytes.subarray(0, size))
    filled = 0
    const sealed = sealBlock(dataKey, { block: lent.bytes, size, number, isLast })
    const pieces = number === 0 ? [BODY_FILE_HEADER, sealed] : [sealed]
    number += Math.ceil(size / CHUNK)
    // The chunks that came, and what the cipher returned.
    countBufferGarbage(2 * size)
    await orGiveUp(() => destination.append(pieces))
  }
  const take = async (chunk: Buffer): Promise<void> => {
    for (let at = 0; at < chunk.length; ) {
      // A place for each block: who sends larger chunks gets no more of the machine.
      if (filled === most) await places.run(() => writeBlock(false))
      const taken = chunk.copy(lent.bytes, filled, at, at + most - filled)
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
      // The block is being written: what is copied there now would be in the file as it came.
      if (ending !== undefined) throw new Fault('logging_failed', { what: 'a body goes on after its end' })
      if (turn === undefined && filled + chunk.length <= most) {
        filled += chunk.copy(lent.bytes, filled)
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
    digestSoFar: () => digest.copy().update(lent.bytes.subarray(0, filled)).digest(),
    end: () => {
      ending ??= finish()
      return ending
    },
    abort: async () => {
      isOver = true
      await turn?.catch(() => undefined)
      // A descriptor that is closed while `end` uses it may at once be that of another file, which `end`
      // would then close.
      await ending?.catch(() => undefined)
      await giveUp()
    },
  }
}
