/**
 * Writes the few CBOR structures (RFC 8949) whose digests a verifier computes, each with the shortest head.
 */

/** What can be written: `raw` is CBOR already. */
export type CborValue =
  | number
  | string
  | null
  | Buffer
  | CborValue[]
  | { tag: number; value: CborValue }
  | { raw: Buffer }

/** The bytes of a value. */
export function writeCbor(value: CborValue): Buffer {
  if (value === null) return Buffer.of(0xf6)
  if (typeof value === 'number') return value >= 0 ? head(0, value) : head(1, -1 - value)
  if (typeof value === 'string') {
    const text = Buffer.from(value, 'utf8')
    return Buffer.concat([head(3, text.length), text])
  }
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value])
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(writeCbor)])
  return 'raw' in value ? value.raw : Buffer.concat([head(6, value.tag), writeCbor(value.value)])
}

function head(major: number, length: number): Buffer {
  const first = major << 5
  if (length < 24) return Buffer.of(first | length)
  if (length < 0x100) return Buffer.of(first | 24, length)
  const wide = Buffer.alloc(length < 0x10000 ? 3 : 5)
  wide[0] = first | (length < 0x10000 ? 25 : 26)
  if (length < 0x10000) wide.writeUInt16BE(length, 1)
  else wide.writeUInt32BE(length, 1)
  return wide
}
