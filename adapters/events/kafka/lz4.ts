/**
 * LZ4 in frames (github.com/lz4/lz4, doc/lz4_Frame_format.md). Its checksums are not looked at: a batch of
 * records has its own.
 */
import { createGrowing, type Growing } from './growing.ts'

const MAGIC = 0x184d2204
const HAS_BLOCK_CHECKSUM = 0x10
const HAS_SIZE = 0x08
const HAS_CHECKSUM = 0x04
const HAS_DICTIONARY = 0x01
const IS_PLAIN = 0x80000000
const LEAST_REPEATED = 4

/** Throws for bytes that are not LZ4, and a RangeError for what is larger than `most`. */
export function inflateLz4(bytes: Buffer, most: number): Buffer {
  const out = createGrowing(most)
  let at = 0
  const skip = (count: number): number => {
    if (count > bytes.length - at) throw new Error('LZ4: it ends too early')
    at += count
    return at - count
  }
  while (at < bytes.length) {
    if (bytes.readUInt32LE(skip(4)) !== MAGIC) throw new Error('LZ4: it is no frame')
    const flags = bytes[skip(2)]!
    skip((flags & HAS_SIZE ? 8 : 0) + (flags & HAS_DICTIONARY ? 4 : 0) + 1)
    for (let head = bytes.readUInt32LE(skip(4)); head !== 0; head = bytes.readUInt32LE(skip(4))) {
      const size = head % IS_PLAIN
      const from = skip(size)
      const block = bytes.subarray(from, from + size)
      if (head >= IS_PLAIN) out.append(block)
      else inflateBlock(block, out)
      if (flags & HAS_BLOCK_CHECKSUM) skip(4)
    }
    if (flags & HAS_CHECKSUM) skip(4)
  }
  return out.done()
}

/** doc/lz4_Block_format.md: literals and what is repeated, in turn; the last has only literals. */
function inflateBlock(bytes: Buffer, out: Growing): void {
  let at = 0
  const next = (): number => {
    const byte = bytes[at++]
    if (byte === undefined) throw new Error('LZ4: it ends too early')
    return byte
  }
  const long = (short: number): number => {
    let size = short
    if (short === 15) {
      let more = next()
      for (; more === 255; more = next()) size += more
      size += more
    }
    return size
  }
  while (at < bytes.length) {
    const token = next()
    const size = long(token >>> 4)
    if (size > bytes.length - at) throw new Error('LZ4: it ends too early')
    out.append(bytes.subarray(at, at + size))
    at += size
    if (at === bytes.length) return
    const distance = next() | (next() << 8)
    out.repeat(distance, long(token & 15) + LEAST_REPEATED)
  }
}
