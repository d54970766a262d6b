/**
 * Memory for what one group is written from, used again by the next: thousands of short-lived buffers a second would cost
 * more in allocation and collection than encrypting them.
 */

const SLAB = 256 * 1024

export type Arena = {
  /** Octets with whatever stood in them, until the next `reset`. */
  take(size: number): Buffer
  reset(): void
}

export function createArena(): Arena {
  const slab = Buffer.allocUnsafeSlow(SLAB)
  let at = 0
  return {
    take: (size) => {
      if (at + size > SLAB) return Buffer.allocUnsafeSlow(size)
      at += size
      return slab.subarray(at - size, at)
    },
    reset: () => {
      at = 0
    },
  }
}
