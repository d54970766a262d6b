/**
 * Checks that a ZIP file means the same to programs that read it by its directory and to programs that read
 * it as a stream: entries one after the other from the first byte to the directory; headers that agree;
 * nothing hidden between, before or after entries; no links; only known comments. zip-directory.ts checks the
 * directory itself.
 */
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Entry, LocalFileHeader, ZipFile } from 'yauzl'
import { say } from '#schemas/said.ts'
import { checkDirectory, type Directory, isZip64, type Malformed, wide } from './zip-directory.ts'
import { readExtra } from './zip-extra.ts'

/**
 * Known flags: a data descriptor, a name in UTF-8, the compression level. The others mean encryption, patches
 * or masking.
 */
const FLAG = { descriptor: 0x0008, known: 0x080e } as const
const DESCRIPTOR_MARK = 0x08074b50
const MAX_32 = 0xffffffff

/** Throws `malformed(...)`. `comments` are the allowed comments of the file itself. */
export async function checkStructure(
  zip: ZipFile,
  directory: Directory,
  rules: { comments: readonly string[]; malformed: Malformed },
): Promise<void> {
  const { entries, start } = directory
  const { malformed } = rules
  await checkDirectory(zip, directory, rules)
  let at = 0
  for (const [index, entry] of entries.entries()) {
    if (entry.relativeOffsetOfLocalHeader !== at) throw malformed(say`bytes between its entries`)
    const header = await zip.readLocalFileHeaderPromise(entry)
    const isLarge = checkHeader(entry, header, malformed)
    const dataEnd = header.fileDataStart + entry.compressedSize
    await checkPacked(zip, entry, header.fileDataStart, malformed)
    at = entries[index + 1]?.relativeOffsetOfLocalHeader ?? start
    await checkDescriptor(zip, entry, { start: dataEnd, end: at, isLarge, malformed })
  }
  if (at !== start) throw malformed(say`bytes before its directory`)
}

/** Returns whether the entry is in ZIP64 form. */
function checkHeader(entry: Entry, header: LocalFileHeader, malformed: Malformed): boolean {
  const { generalPurposeBitFlag: flags, compressionMethod: method, compressedSize, uncompressedSize } = entry
  if ((flags & ~FLAG.known) !== 0) throw malformed(say`an encrypted entry, or one with unknown flags`)
  if (method !== 0 && method !== 8) throw malformed(say`an entry packed in another way than deflate`)
  const zip64 = readExtra(header.extraField, true)
  if (zip64 === undefined) throw malformed(say`unknown extra fields`)
  const isLarge = isZip64(entry) || zip64.length > 0
  const agree =
    header.fileName.equals(entry.fileNameRaw) &&
    header.generalPurposeBitFlag === flags &&
    header.compressionMethod === method &&
    // A streaming writer learns only at the end that sizes are large.
    (header.versionNeededToExtract === entry.versionNeededToExtract ||
      (isLarge && header.versionNeededToExtract < entry.versionNeededToExtract)) &&
    header.lastModFileDate === entry.lastModFileDate &&
    header.lastModFileTime === entry.lastModFileTime
  if (!agree) throw malformed(say`headers that disagree with its directory`)
  const hasDescriptor = (flags & FLAG.descriptor) !== 0
  const known = header.crc32 === entry.crc32 && saysSizes(header, zip64, uncompressedSize, compressedSize)
  const later = hasDescriptor && header.crc32 === 0 && saysSizes(header, zip64, 0, 0)
  if (!known && !later) throw malformed(say`headers that disagree with its directory`)
  // Java's stream reader cannot read such an entry in any other form.
  if (method === 0 && compressedSize !== uncompressedSize) throw malformed(say`a stored entry of two sizes`)
  return isLarge
}

/**
 * Whether the local header has both sizes, either in its fixed fields or, if both are marked there, in its
 * ZIP64 field (APPNOTE 4.5.3).
 */
function saysSizes(header: LocalFileHeader, zip64: Buffer, size: number, packed: number): boolean {
  if (zip64.length === 0) return header.uncompressedSize === size && header.compressedSize === packed
  return (
    header.uncompressedSize === MAX_32 &&
    header.compressedSize === MAX_32 &&
    zip64.equals(wide([size, packed]))
  )
}

/**
 * Refuses bytes after the end of deflated data. A program that reads by the directory skips them; a stream
 * reader takes them for the next entry. The test: valid deflated data without its last byte is incomplete,
 * but with bytes after it, still complete.
 */
async function checkPacked(zip: ZipFile, entry: Entry, start: number, malformed: Malformed): Promise<void> {
  const { compressedSize, uncompressedSize } = entry
  if (entry.compressionMethod === 0) return
  // Deflated data is never empty; a stream reader would continue into the next header.
  if (compressedSize === 0) throw malformed(say`a packed entry without data`)
  try {
    const stream = await openRange(zip, start, { compressedSize, end: compressedSize - 1, uncompressedSize })
    for await (const _ of stream);
  } catch {
    // Truncated, or malformed in another way that reading the entry will report.
    return
  }
  throw malformed(say`bytes behind the packed data of an entry`)
}

async function checkDescriptor(
  zip: ZipFile,
  entry: Entry,
  q: { start: number; end: number; isLarge: boolean; malformed: Malformed },
): Promise<void> {
  const length = q.end - q.start
  if ((entry.generalPurposeBitFlag & FLAG.descriptor) === 0) {
    if (length !== 0) throw q.malformed(say`bytes between its entries`)
    return
  }
  if (length !== (q.isLarge ? 24 : 16)) throw q.malformed(say`a data descriptor of unknown form`)
  const bytes = await buffer(await openRange(zip, q.start, { compressedSize: length, end: length }))
  const sizes = [entry.compressedSize, entry.uncompressedSize]
  const agree =
    bytes.readUInt32LE(0) === DESCRIPTOR_MARK &&
    bytes.readUInt32LE(4) === entry.crc32 &&
    (q.isLarge
      ? bytes.subarray(8).equals(wide(sizes))
      : sizes.every((size, index) => bytes.readUInt32LE(8 + 4 * index) === size))
  if (!agree) throw q.malformed(say`a data descriptor that disagrees with its directory`)
}

/** The first `end` bytes of the data at `start`, inflated when `uncompressedSize` is given. */
function openRange(
  zip: ZipFile,
  start: number,
  {
    compressedSize,
    end,
    uncompressedSize,
  }: { compressedSize: number; end: number; uncompressedSize?: number },
): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const size = uncompressedSize ?? compressedSize
    const isPacked = uncompressedSize !== undefined
    zip.openReadStreamLowLevel(start, compressedSize, 0, end, isPacked, size, (error, stream) => {
      if (error === null || error === undefined) resolve(stream)
      else reject(error)
    })
  })
}
