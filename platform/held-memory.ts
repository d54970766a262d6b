/**
 * How much of the process's memory contents hold that are neither small nor on the disk. Whoever would hold more asks first. A content
 * counts until it is collected, also while somebody reads it slowly.
 */

type HeldMemory = {
  fits(octets: number): boolean
  /** Counts `octets` until the returned function is called. */
  reserve(octets: number): () => void
  /** Counts these bytes, with all the memory that they keep, for as long as they are there. */
  hold(bytes: Buffer): void
  /** Memory to work in: of `most` octets, counted until `giveBack` is called, if there is room; else of `least`, uncounted. */
  lend(q: { most: number; least: number }): { bytes: Buffer; giveBack(): void }
}

function createHeldMemory(most: number): HeldMemory {
  let held = 0
  const collected = new FinalizationRegistry<number>((octets) => {
    held -= octets
  })
  const fits: HeldMemory['fits'] = (octets) => held + octets <= most
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
    hold: (bytes) => {
      // Slices of a content keep all its memory, and not the object through which it was made.
      const memory = bytes.buffer.byteLength
      held += memory
      collected.register(bytes.buffer, memory)
    },
  }
}

/** Of this process. */
export const heldMemory = createHeldMemory(48 * 1024 * 1024)
