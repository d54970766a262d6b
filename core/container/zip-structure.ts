/**
 * Whether a ZIP file means the same to whoever reads it by its directory and whoever reads it as a stream: entries one
 * after the other from the first byte to the directory, headers that agree, nothing hidden between, before or behind.
 */
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Entry, LocalFileHeader, ZipFile } from 'yauzl'
import { Fault } from '#schemas/fault.ts'

const FLAG = {
  encrypted: 0x0001,
  descriptor: 0x0008,
  strong: 0x0040,
  utf8: 0x0800,
  maskedHeaders: 0x2000,
} as const
/** ZIP64 sizes, NTFS times, Unix times and owners: what common writers add. Not the Unicode path, which renames. */
const KNOWN_EXTRA: ReadonlySet<number> = new Set([0x0001, 0x000a, 0x5455, 0x7875])
const ZIP64_EXTRA = 0x0001
const DESCRIPTOR_MARK = 0x08074b50
const END_BYTES = 22
const ZIP64_END_BYTES = 56 + 20
const MAX_COMMENT = 256

/** Where the directory starts; to be asked before the entries are read. */
export function directoryStart(zip: ZipFile): number {
  // The library's types say boolean.
  return Number(zip.readEntryCursor)
}

/** Throws `malformed_container`. All entries of the directory have been read, in its order. */
export async function checkStructure(zip: ZipFile, entries: Entry[], start: number): Promise<void> {
  let at = 0
  for (const [index, entry] of entries.entries()) {
    if (entry.relativeOffsetOfLocalHeader !== at) throw malformed('bytes between its entries')
    const header = await zip.readLocalFileHeaderPromise(entry)
    checkHeader(entry, header)
    const dataEnd = header.fileDataStart + entry.compressedSize
    await checkPacked(zip, entry, header.fileDataStart)
    at = entries[index + 1]?.relativeOffsetOfLocalHeader ?? start
    await checkDescriptor(zip, entry, dataEnd, at)
  }
  if (at !== start) throw malformed('bytes before its directory')
  const tail = zip.fileSize - END_BYTES - zip.comment.length - directoryStart(zip)
  if (zip.comment.length > MAX_COMMENT || (tail !== 0 && tail !== ZIP64_END_BYTES)) {
    throw malformed('bytes behind its directory')
  }
}

function checkHeader(entry: Entry, header: LocalFileHeader): void {
  const { generalPurposeBitFlag: flags, compressionMethod: method } = entry
  if ((flags & (FLAG.encrypted | FLAG.strong | FLAG.maskedHeaders)) !== 0)
    throw malformed('an encrypted entry')
  if (method !== 0 && method !== 8) throw malformed('an entry packed in another way than deflate')
  const agree =
    header.fileName.equals(entry.fileNameRaw) &&
    header.generalPurposeBitFlag === flags &&
    header.compressionMethod === method &&
    header.versionNeededToExtract === entry.versionNeededToExtract &&
    header.lastModFileDate === entry.lastModFileDate &&
    header.lastModFileTime === entry.lastModFileTime
  if (!agree) throw malformed('headers that disagree with its directory')
  for (const { id } of entry.extraFields) if (!KNOWN_EXTRA.has(id)) throw malformed('unknown extra fields')
  const zip64 = checkLocalExtra(header.extraField)
  const large = zip64 && header.compressedSize === 0xffffffff
  const sizes =
    header.crc32 === entry.crc32 &&
    (large ||
      (header.compressedSize === entry.compressedSize && header.uncompressedSize === entry.uncompressedSize))
  const later =
    header.crc32 === 0 && (large || (header.compressedSize === 0 && header.uncompressedSize === 0))
  if (!sizes && !((flags & FLAG.descriptor) !== 0 && later)) {
    throw malformed('headers that disagree with its directory')
  }
  // What Java reads as a stream it cannot read otherwise than this.
  if (method === 0 && entry.compressedSize !== entry.uncompressedSize)
    throw malformed('a stored entry of two sizes')
}

/** Whether ZIP64 sizes are among the extra fields of a local header. */
function checkLocalExtra(extra: Buffer): boolean {
  let zip64 = false
  for (let at = 0; at < extra.length; ) {
    const id = at + 4 <= extra.length ? extra.readUInt16LE(at) : -1
    if (!KNOWN_EXTRA.has(id)) throw malformed('unknown extra fields')
    if (id === ZIP64_EXTRA) zip64 = true
    at += 4 + extra.readUInt16LE(at + 2)
  }
  return zip64
}

/**
 * Refuses bytes behind the end of deflated data, which a reader by the directory passes over: one that reads a stream takes
 * them for the next entry. Without its last byte such data is whole still, and sound data is not.
 */
async function checkPacked(zip: ZipFile, entry: Entry, start: number): Promise<void> {
  const { compressedSize, uncompressedSize } = entry
  if (entry.compressionMethod === 0 || compressedSize === 0) return
  try {
    const stream = await openRange(zip, start, { compressedSize, end: compressedSize - 1, uncompressedSize })
    for await (const _ of stream);
  } catch {
    // Cut off, or unsound in another way that reading it will name.
    return
  }
  throw malformed('bytes behind the packed data of an entry')
}

async function checkDescriptor(zip: ZipFile, entry: Entry, start: number, end: number): Promise<void> {
  const length = end - start
  if ((entry.generalPurposeBitFlag & FLAG.descriptor) === 0) {
    if (length !== 0) throw malformed('bytes between its entries')
    return
  }
  if (length !== 16 && length !== 24) throw malformed('a data descriptor of unknown form')
  const bytes = await rawBytes(zip, start, length)
  const size = (at: number): number =>
    length === 16 ? bytes.readUInt32LE(at) : Number(bytes.readBigUInt64LE(at))
  const agree =
    bytes.readUInt32LE(0) === DESCRIPTOR_MARK &&
    bytes.readUInt32LE(4) === entry.crc32 &&
    size(8) === entry.compressedSize &&
    size(length === 16 ? 12 : 16) === entry.uncompressedSize
  if (!agree) throw malformed('a data descriptor that disagrees with its directory')
}

async function rawBytes(zip: ZipFile, start: number, length: number): Promise<Buffer> {
  return buffer(await openRange(zip, start, { compressedSize: length, end: length }))
}

/** The first `end` bytes of data that lies at `start`; inflated when `uncompressedSize` is given. */
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

/** A `malformed_container`. */
export function malformed(what: string, cause?: unknown): Fault {
  return new Fault('malformed_container', { what: `it has ${what}`, cause })
}
