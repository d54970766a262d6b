/** The part of node:zlib that reading ZIP files uses: its CRC-32, and inflating with a size limit. */
import { Inflate } from 'pako'

const POLYNOMIAL = 0xedb88320
const TABLE = Uint32Array.from({ length: 256 }, (_, octet) => {
  let value = octet
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ POLYNOMIAL
  return value
})

/** CRC-32 of `data`, continuing from `before`. */
export function crc32(data: Uint8Array, before = 0): number {
  let value = ~before
  for (const octet of data) value = (value >>> 8) ^ TABLE[(value ^ octet) & 0xff]!
  return ~value >>> 0
}

const CHUNK = 64 * 1024

/**
 * Inflates `packed` in pieces, which must have `size` octets together. Stops at the first piece too many, so
 * that a decompression bomb is not unpacked and uses no memory. Throws an Error for data that is not
 * deflated, incomplete, or of another size. Ignores octets after the end of the data, as node:zlib does.
 */
export function* inflated(packed: Uint8Array, size: number): Generator<Uint8Array> {
  let pieces: Uint8Array[] = []
  let length = 0
  const inflate = new Inflate({ raw: true, chunkSize: CHUNK })
  inflate.onData = (piece: Uint8Array) => {
    length += piece.length
    if (length > size) throw new Error(`too many bytes in the stream: more than ${size}`)
    pieces.push(piece)
  }
  for (let at = 0; !inflate.ended && at < packed.length; at += CHUNK) {
    inflate.push(packed.subarray(at, at + CHUNK), false)
    yield* pieces
    pieces = []
  }
  if (inflate.err !== 0) throw new Error(inflate.msg === '' ? 'the data is not deflated' : inflate.msg)
  if (!inflate.ended) throw new Error('unexpected end of file')
  if (length !== size) throw new Error(`not enough bytes in the stream: ${length} of ${size}`)
}
