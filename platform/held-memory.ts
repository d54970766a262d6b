/**
 * How much of the process's memory contents hold that are neither small nor on the disk. Whoever would hold more asks first. A content
 * counts until it is collected, also while somebody reads it slowly.
 */

type HeldMemory = {
  fits(octets: number): boolean
  /** Counts `octets` until the returned function is called. */
  reserve(octets: number): () => void
  /** Counts these bytes for as long as they are in memory. */
  hold(bytes: Buffer): void
}

function createHeldMemory(most: number): HeldMemory {
  let held = 0
  const collected = new FinalizationRegistry<number>((octets) => {
    held -= octets
  })
  return {
    fits: (octets) => held + octets <= most,
    reserve: (octets) => {
      held += octets
      return () => {
        held -= octets
      }
    },
    hold: (bytes) => {
      held += bytes.length
      // Slices of a content keep its memory, and not the object through which it was made.
      collected.register(bytes.buffer, bytes.length)
    },
  }
}

/** Of this process. */
export const heldMemory = createHeldMemory(48 * 1024 * 1024)
