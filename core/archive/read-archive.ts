/**
 * Reads an archive within bounds. It accepts only a structure that every ZIP reader reads alike
 * (zip-structure.ts), names that cannot leave the target folder, each name once, the announced sizes and
 * right checksums. Entries may be compressed, but not as strongly as a ZIP bomb.
 */
import { buffer } from 'node:stream/consumers'
import { crc32 } from 'node:zlib'
import type { ZipFile } from 'yauzl'
import { holdsEntry, openZip } from '#core/container/open-zip.ts'
import { readDirectory } from '#core/container/zip-directory.ts'
import { checkStructure } from '#core/container/zip-structure.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { LINKING_INFO, type LinkingInfo, malformed, parseLinkingInfo } from './linking-info.ts'

export type Archive = {
  /** Content by entry name, in the order of the directory. */
  files: Map<string, Buffer>
  /** Absent if the archive has no containers. */
  linkingInfo: LinkingInfo | undefined
}

type ArchiveLimits = { entries: number; entryBytes: number; bytes: number }

/** X-Road begins a new archive once the current one exceeds 32 MiB; the last container may be of any size. */
const DEFAULT_LIMITS: ArchiveLimits = {
  entries: 40_000,
  entryBytes: 512 * 1024 * 1024,
  bytes: 1024 * 1024 * 1024,
}
/**
 * Entries with our own signature documents and proofs compress well, but no honest entry better than this
 * ratio.
 */
const MAX_RATIO = 200
const SMALL = 64 * 1024
export const CONTAINER_NAME = /\.asice$/
const NAME = /^[A-Za-z0-9%._*+-]{1,255}(\/[A-Za-z0-9%._*+-]{1,255}){0,3}$/

/**
 * Reads an archive from a file or from its bytes. Throws `malformed_archive`, or `io_error` when the file
 * cannot be opened.
 */
export async function readArchive(
  file: string | Buffer,
  limits: Partial<ArchiveLimits> = {},
): Promise<Archive> {
  const zip = await openZip(file, malformed)
  try {
    return await read(zip, { ...DEFAULT_LIMITS, ...limits })
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw malformed(say`an entry cannot be read`, cause)
  } finally {
    zip.close()
  }
}

/** Whether the file is a ZIP file with linking information or an `archive.json`. Throws `io_error`. */
export const isArchive = (file: string | Buffer): Promise<boolean> =>
  holdsEntry(file, [LINKING_INFO, 'archive.json'], DEFAULT_LIMITS.entries)

async function read(zip: ZipFile, limits: ArchiveLimits): Promise<Archive> {
  const directory = await readDirectory(zip, limits.entries, malformed)
  let left = limits.bytes
  for (const { fileName, uncompressedSize, compressedSize } of directory.entries) {
    if (!NAME.test(fileName) || fileName.split('/').some((part) => /^\.+$/.test(part)))
      throw malformed(say`an entry whose name is none of an archive`)
    left -= uncompressedSize
    if (uncompressedSize > limits.entryBytes || left < 0) {
      throw malformed(
        say`it is too large to be verified whole: unzip it and verify its containers one by one`,
      )
    }
    if (uncompressedSize > SMALL && uncompressedSize > MAX_RATIO * compressedSize)
      throw malformed(say`an entry that is packed like a bomb`)
  }
  await checkStructure(zip, directory, { comments: [''], malformed })
  const files = new Map<string, Buffer>()
  for (const entry of directory.entries) {
    const bytes = await buffer(await zip.openReadStreamPromise(entry))
    if (crc32(bytes) !== entry.crc32) throw malformed(say`an entry whose checksum is wrong`)
    files.set(entry.fileName, bytes)
  }
  const linkingInfo = files.get(LINKING_INFO)
  return { files, linkingInfo: linkingInfo === undefined ? undefined : parseLinkingInfo(linkingInfo) }
}
