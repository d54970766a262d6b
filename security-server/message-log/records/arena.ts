/**
 * Memory in which one group is prepared, reused for the next. Thousands of short-lived buffers per second
 * would cost more in allocation and garbage collection than encrypting the records.
 */

const SLAB = 256 * 1024

export type Arena = {
  /** Memory for `size` bytes, valid until the next `reset`, which overwrites it with zeros. */
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
      // Keys and plaintext must not outlive the data that erasure deletes.
      slab.fill(0, 0, at)
      at = 0
    },
  }
}
