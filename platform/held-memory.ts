/**
 * How much of the process's memory contents hold that are neither small nor on the disk. Whoever would hold
 * more asks first. A content counts until it is collected, also while somebody reads it slowly.
 */
import { giveMemoryBack, takeMemory } from './buffer-pool.ts'

type HeldMemory = {
  fits(octets: number): boolean
  /** Counts `octets` until the returned function is called. */
  reserve(octets: number): () => void
  /** Counts these bytes, with all the memory that they keep, for as long as they are there. */
  hold(bytes: Buffer): void
  /** Makes bytes that are counted like that. Whoever is the last to read them may `free` them. */
  make(octets: number): Buffer
  /**
   * Ends bytes that `make` made, and what was sliced from them, at once: else V8 collects its whole heap for
   * their memory. Nobody may read them any more, nor may a write of them be under way. Other bytes stay as
   * they are.
   */
  free(bytes: Buffer): void
  /**
   * Memory to work in: of `most` octets, counted until `giveBack` is called, if there is room; else of
   * `least`, uncounted.
   */
  lend(q: { most: number; least: number }): { bytes: Buffer; giveBack(): void }
}

function createHeldMemory(most: number): HeldMemory {
  let held = 0
  const collected = new FinalizationRegistry<number>((octets) => {
    held -= octets
  })
  /** What was made whole: a slice of it says not how much of it was used. */
  const made = new WeakMap<ArrayBufferLike, { bytes: Buffer; memory: number }>()
  const fits: HeldMemory['fits'] = (octets) => held + octets <= most
  const count = (memory: ArrayBufferLike): void => {
    held += memory.byteLength
    collected.register(memory, memory.byteLength, memory)
  }
  const reserve: HeldMemory['reserve'] = (octets) => {
    let counted = octets
    held += octets
    return () => {
      held -= counted
      counted = 0
    }
  }
  return {
    ...{ fits, reserve },
    lend: (q) => {
      const isLarge = q.most > q.least && fits(q.most)
      const giveBack = reserve(isLarge ? q.most : 0)
      return { bytes: Buffer.allocUnsafe(isLarge ? q.most : Math.min(q.most, q.least)), giveBack }
    },
    // Slices of a content keep all its memory, and not the object through which it was made.
    hold: ({ buffer }) => {
      if (!made.has(buffer)) count(buffer)
    },
    make: (octets) => {
      const bytes = takeMemory(octets)
      made.set(bytes.buffer, { bytes, memory: bytes.buffer.byteLength })
      count(bytes.buffer)
      return bytes
    },
    free: ({ buffer }) => {
      const one = made.get(buffer)
      if (one === undefined) return
      made.delete(buffer)
      collected.unregister(buffer)
      held -= one.memory
      giveMemoryBack(one.bytes)
    },
  }
}

/** Of this process. */
export const heldMemory = createHeldMemory(48 * 1024 * 1024)
