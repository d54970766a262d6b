/** Draws an address as a QR code in a PNG file, for services that show a picture. */
import { crc32, deflateSync } from 'node:zlib'
import encodeQR from 'qr'

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')
/** Pixels of one square. */
const SCALE = 4

/** What the largest code of this kind holds (ISO/IEC 18004, version 40, level M). */
const MOST_OCTETS = 2_331

/** Undefined for an address that no QR code holds. */
export function drawPng(address: string): Buffer | undefined {
  if (Buffer.byteLength(address) > MOST_OCTETS) return undefined
  const rows = encodeQR(address, 'raw', { ecc: 'medium', border: 4 })
  const size = rows.length * SCALE
  const bytes = Math.ceil(size / 8)
  const lines = rows.map((row) => {
    // Each line begins with its filter, none; a set bit is white.
    const line = Buffer.alloc(1 + bytes)
    for (let x = 0; x < size; x++)
      if (row[Math.floor(x / SCALE)] !== true) line[1 + (x >> 3)]! |= 0x80 >> (x & 7)
    return Array.from({ length: SCALE }, () => line)
  })
  const header = Buffer.alloc(13)
  header.writeUInt32BE(size, 0)
  header.writeUInt32BE(size, 4)
  // One bit for a pixel, shades of grey; no other compression, filter or interlacing exists.
  header[8] = 1
  const pixels = deflateSync(Buffer.concat(lines.flat()))
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', pixels),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const content = Buffer.concat([Buffer.from(type, 'ascii'), data])
  const ends = Buffer.alloc(8)
  ends.writeUInt32BE(data.length, 0)
  ends.writeUInt32BE(crc32(content), 4)
  return Buffer.concat([ends.subarray(0, 4), content, ends.subarray(4)])
}
