/** Snappy, raw and in the frames of the Java library, which Kafka's own client writes. */
import { createGrowing, type Growing } from './growing.ts'

/** 0x82 "SNAPPY" 0, then two versions of four bytes. */
const JAVA = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const JAVA_HEAD_BYTES = 16

/** Throws for bytes that are not Snappy, and a RangeError for what is larger than `most`. */
export function inflateSnappy(bytes: Buffer, most: number): Buffer {
  const out = createGrowing(most)
  if (!bytes.subarray(0, JAVA.length).equals(JAVA)) {
    inflateRaw(bytes, out)
    return out.done()
  }
  for (let at = JAVA_HEAD_BYTES; at < bytes.length; ) {
    const size = bytes.readUInt32BE(at)
    at += 4
    if (size > bytes.length - at) throw new Error('Snappy: it ends too early')
    inflateRaw(bytes.subarray(at, at + size), out)
    at += size
  }
  return out.done()
}

/** The format of github.com/google/snappy, format_description.txt: its length, then literals and copies. */
function inflateRaw(bytes: Buffer, out: Growing): void {
  let at = 0
  while (at < bytes.length && bytes[at]! >= 0x80) at++
  at++
  const number = (size: number): number => {
    if (size > bytes.length - at) throw new Error('Snappy: it ends too early')
    at += size
    return bytes.readUIntLE(at - size, size)
  }
  while (at < bytes.length) {
    const tag = bytes[at++]!
    const kind = tag & 3
    if (kind === 0) {
      const short = tag >>> 2
      const size = (short < 60 ? short : number(short - 59)) + 1
      if (size > bytes.length - at) throw new Error('Snappy: it ends too early')
      out.append(bytes.subarray(at, at + size))
      at += size
    } else if (kind === 1) out.repeat(((tag >>> 5) << 8) | number(1), ((tag >>> 2) & 7) + 4)
    else out.repeat(number(kind === 2 ? 2 : 4), (tag >>> 2) + 1)
  }
}
