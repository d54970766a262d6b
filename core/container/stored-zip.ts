/**
 * Makes a small ZIP file with stored (uncompressed) entries (APPNOTE 4.3) in one piece, without compressor or
 * stream.
 */
import { crc32 } from 'node:zlib'

/** 1980-01-01 00:00, the earliest date of the format. */
const DATE = 0x0021
const VERSION = 20
/** Upper octet of the version: made on Unix. MODE: the permissions of a plain file. */
const MADE_BY = 0x0300 | VERSION
const MODE = (0o100644 << 16) >>> 0
const UTF8 = 0x0800
const [LOCAL, CENTRAL, END] = [30, 46, 22]

/**
 * The bytes of the file. The caller keeps within 65,535 entries and 4 GiB in total; neither is checked here.
 */
export function storedZip(entries: [name: string, bytes: Buffer][], comment: string): Buffer {
  const named = entries.map(([name, bytes]) => ({ name: Buffer.from(name), bytes, crc: crc32(bytes) }))
  const note = Buffer.from(comment)
  const size = named.reduce(
    (sum, { name, bytes }) => sum + LOCAL + CENTRAL + 2 * name.length + bytes.length,
    END + note.length,
  )
  const zip = Buffer.alloc(size)
  const starts: number[] = []
  let at = 0
  for (const entry of named) {
    starts.push(at)
    zip.writeUInt32LE(0x04034b50, at)
    common(zip, at + 4, entry)
    at += LOCAL
    at += entry.name.copy(zip, at)
    at += entry.bytes.copy(zip, at)
  }
  const directory = at
  for (const [position, entry] of named.entries()) {
    zip.writeUInt32LE(0x02014b50, at)
    zip.writeUInt16LE(MADE_BY, at + 4)
    common(zip, at + 6, entry)
    zip.writeUInt32LE(MODE, at + 38)
    zip.writeUInt32LE(starts[position]!, at + 42)
    at += CENTRAL
    at += entry.name.copy(zip, at)
  }
  zip.writeUInt32LE(0x06054b50, at)
  zip.writeUInt16LE(named.length, at + 8)
  zip.writeUInt16LE(named.length, at + 10)
  zip.writeUInt32LE(at - directory, at + 12)
  zip.writeUInt32LE(directory, at + 16)
  zip.writeUInt16LE(note.length, at + 20)
  note.copy(zip, at + END)
  return zip
}

/** The fields that both headers of an entry share, from "version needed" on. */
function common(zip: Buffer, at: number, q: { name: Buffer; bytes: Buffer; crc: number }): void {
  zip.writeUInt16LE(VERSION, at)
  zip.writeUInt16LE(UTF8, at + 2)
  zip.writeUInt16LE(DATE, at + 8)
  zip.writeUInt32LE(q.crc, at + 10)
  zip.writeUInt32LE(q.bytes.length, at + 14)
  zip.writeUInt32LE(q.bytes.length, at + 18)
  zip.writeUInt16LE(q.name.length, at + 22)
}
