/**
 * Reads and checks the whole directory of a ZIP file: its start, its size, and its fields besides name and
 * sizes. Programs find the directory in different ways (by its end, by its size, by its first signature), and
 * all of them must find this one.
 */
import { buffer } from 'node:stream/consumers'
import type { Entry, ZipFile } from 'yauzl'
import type { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import { readExtra } from './zip-extra.ts'

/** Creates the fault of the calling reader. */
export type Malformed = (what: Word, cause?: unknown) => Fault

export type Directory = { entries: Entry[]; start: number }

const [FIXED, END_BYTES, ZIP64_END_BYTES, LOCATOR_BYTES] = [46, 22, 56, 20]
const [MAX_16, MAX_32] = [0xffff, 0xffffffff]
const MAX_NAME = 1024
const MAX_EXTRA = 128
/**
 * Systems whose attributes have the meaning that is checked here: DOS, Unix, NTFS, macOS. Deflate and ZIP64
 * need no more than these versions.
 */
const MAKERS: readonly number[] = [0, 3, 10, 19]
const VERSIONS: readonly number[] = [10, 20, 45]
const MODE = { type: 0o170000, file: 0o100000, folder: 0o040000, special: 0o7000 } as const
const DOS_PLAIN = 0x01 | 0x20 | 0x80
const DOS_FOLDER = 0x10

/**
 * All entries, with distinct names, in the order of the directory; bounds are checked while reading. Throws
 * `malformed(...)`.
 */
export async function readDirectory(zip: ZipFile, most: number, malformed: Malformed): Promise<Directory> {
  // The library's types wrongly say boolean.
  const start = Number(zip.readEntryCursor)
  if (zip.entryCount > most) throw malformed(say`more than ${most} entries`)
  const entries: Entry[] = []
  const seen = new Set<string>()
  for await (const entry of zip.eachEntry()) {
    if (entry.fileCommentLength > 0) throw malformed(say`a comment on an entry`)
    if (entry.extraFieldLength > MAX_EXTRA) throw malformed(say`unknown extra fields`)
    if (entry.fileNameLength > MAX_NAME) throw malformed(say`a name that is not allowed`)
    // Windows and X-Road's reader do not distinguish upper and lower case.
    const name = entry.fileName.toLowerCase()
    if (seen.has(name)) throw malformed(say`two entries of one name`)
    seen.add(name)
    entries.push(entry)
  }
  return { entries, start }
}

/**
 * Checks the bytes from the directory's start to the end of the file. `comments` are the allowed comments of
 * the file.
 */
export async function checkDirectory(
  zip: ZipFile,
  { entries, start }: Directory,
  { comments, malformed }: { comments: readonly string[]; malformed: Malformed },
): Promise<void> {
  if (!comments.includes(zip.comment)) throw malformed(say`a comment of its own`)
  const end = Number(zip.readEntryCursor)
  const listed = await rawBytes(zip, start, end)
  let at = 0
  for (const entry of entries) {
    checkEntry(entry, listed.subarray(at, at + FIXED), malformed)
    at += FIXED + entry.fileNameLength + entry.extraFieldLength
  }
  checkEnd(await rawBytes(zip, end, zip.fileSize), {
    count: entries.length,
    start,
    end,
    comment: zip.comment,
    malformed,
  })
}

function checkEntry(entry: Entry, fixed: Buffer, malformed: Malformed): void {
  const { versionMadeBy, versionNeededToExtract, externalFileAttributes: attributes } = entry
  const isFolder = entry.fileNameRaw.at(-1) === 0x2f
  const mode = attributes >>> 16
  const type = mode & MODE.type
  const isPlain =
    MAKERS.includes(versionMadeBy >>> 8) &&
    (type === 0 || type === (isFolder ? MODE.folder : MODE.file)) &&
    (mode & MODE.special) === 0 &&
    (attributes & 0xffff & ~(DOS_PLAIN | (isFolder ? DOS_FOLDER : 0))) === 0
  if (!isPlain) throw malformed(say`an entry that is no plain file: a link, a device or of an unknown maker`)
  if (!VERSIONS.includes(versionNeededToExtract)) throw malformed(say`an entry of an unknown version`)
  // Whether the entry is text: its writer's guess.
  if (entry.internalFileAttributes > 1) throw malformed(say`unknown attributes of an entry`)
  if (fixed.readUInt16LE(34) !== 0) throw malformed(say`an entry on another disk`)
  const zip64 = readExtra(entry.extraFieldRaw, false)
  if (zip64 === undefined) throw malformed(say`unknown extra fields`)
  // The ZIP64 field contains those numbers that do not fit the fixed part, in this order, and no others.
  const numbers = [
    [fixed.readUInt32LE(24), entry.uncompressedSize],
    [fixed.readUInt32LE(20), entry.compressedSize],
    [fixed.readUInt32LE(42), entry.relativeOffsetOfLocalHeader],
  ] as const
  const large = numbers.filter(([narrow]) => narrow === MAX_32).map(([, value]) => value)
  if (!zip64.equals(wide(large))) throw malformed('ZIP64 sizes that disagree with its directory')
}

/** Whether an entry's sizes or offset are in ZIP64 form. */
export function isZip64(entry: Entry): boolean {
  return entry.extraFields.some(({ id }) => id === 0x0001)
}

/** Encodes numbers with 8 octets each. */
export function wide(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length)
  for (const [index, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 * index)
  return bytes
}

/**
 * After the entries follow the ZIP64 end record and its locator, if a number needs them, then the end record.
 */
function checkEnd(
  tail: Buffer,
  q: { count: number; start: number; end: number; comment: string; malformed: Malformed },
): void {
  const { count, start, end } = q
  const size = end - start
  const isLarge = count >= MAX_16 || size >= MAX_32 || start >= MAX_32
  const before = isLarge ? ZIP64_END_BYTES + LOCATOR_BYTES : 0
  if (tail.length !== before + END_BYTES + q.comment.length)
    throw q.malformed(say`bytes behind its directory`)
  const last = tail.subarray(before)
  const agree =
    last.readUInt32LE(4) === 0 &&
    [8, 10].every((at) => last.readUInt16LE(at) === Math.min(count, MAX_16)) &&
    last.readUInt32LE(12) === Math.min(size, MAX_32) &&
    last.readUInt32LE(16) === Math.min(start, MAX_32)
  if (!agree || (isLarge && !isZip64End(tail, { count, size, start, end })))
    throw q.malformed(say`an end that disagrees with its directory`)
}

function isZip64End(
  tail: Buffer,
  { count, size, start, end }: { count: number; size: number; start: number; end: number },
): boolean {
  const locator = tail.subarray(ZIP64_END_BYTES)
  return (
    tail.readUInt32LE(0) === 0x06064b50 &&
    tail.subarray(4, 12).equals(wide([ZIP64_END_BYTES - 12])) &&
    tail.subarray(16, ZIP64_END_BYTES).equals(wide([0, count, count, size, start])) &&
    locator.readUInt32LE(0) === 0x07064b50 &&
    locator.readUInt32LE(4) === 0 &&
    locator.subarray(8, 16).equals(wide([end])) &&
    locator.readUInt32LE(16) === 1
  )
}

async function rawBytes(zip: ZipFile, start: number, end: number): Promise<Buffer> {
  if (end <= start) return Buffer.alloc(0)
  return new Promise((resolve, reject) => {
    zip.openReadStreamLowLevel(start, end - start, 0, end - start, false, end - start, (error, stream) => {
      if (error === null || error === undefined) resolve(buffer(stream))
      else reject(error)
    })
  })
}
