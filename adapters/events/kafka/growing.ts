/**
 * Octets that are written one part after the other, of which earlier ones are repeated. Guarantees that there
 * are never more than `most`.
 */

export type Growing = {
  append(bytes: Buffer): void
  /** Repeats what stands `distance` back; the repetition may repeat itself. */
  repeat(distance: number, count: number): void
  done(): Buffer
}

const FIRST_BYTES = 65_536

export function createGrowing(most: number): Growing {
  let buffer = Buffer.allocUnsafe(Math.min(FIRST_BYTES, most))
  let size = 0
  const reserve = (count: number): void => {
    if (size + count > most) throw new RangeError('it is larger than is taken')
    if (size + count <= buffer.length) return
    const larger = Buffer.allocUnsafe(Math.min(most, Math.max(buffer.length * 2, size + count)))
    buffer.copy(larger, 0, 0, size)
    buffer = larger
  }
  return {
    append(bytes) {
      reserve(bytes.length)
      bytes.copy(buffer, size)
      size += bytes.length
    },
    repeat(distance, count) {
      if (distance < 1 || distance > size) throw new Error('it repeats what is not there')
      reserve(count)
      for (const end = size + count; size < end; size++) buffer[size] = buffer[size - distance]!
    },
    done: () => buffer.subarray(0, size),
  }
}
