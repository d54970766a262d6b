/**
 * Memory for what one group is written from, used again by the next: thousands of short-lived buffers a second would cost
 * more in allocation and collection than encrypting them.
 */

const SLAB = 256 * 1024

export type Arena = {
  /** Octets until the next `reset`, which blanks them. */
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
      // Keys and plaintext must not outlive what erasure deletes.
      slab.fill(0, 0, at)
      at = 0
    },
  }
}
