/**
 * Reads an evidence bundle within bounds: every entry must be in the manifest and have the digest stated
 * there.
 */
import { hash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { crc32 } from 'node:zlib'
import type { ZipFile } from 'yauzl'
import { holdsEntry, openZip } from '#core/container/open-zip.ts'
import { readDirectory } from '#core/container/zip-directory.ts'
import { checkStructure } from '#core/container/zip-structure.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { type Bundle, type BundleManifest, MANIFEST } from './bundle.ts'
import { malformed, parseManifest } from './parse-manifest.ts'

type BundleLimits = { entries: number; entryBytes: number; bytes: number }

const DEFAULT_LIMITS: BundleLimits = {
  entries: 4096,
  entryBytes: 512 * 1024 * 1024,
  bytes: 1024 * 1024 * 1024,
}

/**
 * Reads a bundle from a file or from its bytes. Throws `malformed_bundle`, or `io_error` when the file cannot
 * be opened.
 */
export async function readBundle(file: string | Buffer, limits: Partial<BundleLimits> = {}): Promise<Bundle> {
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

/**
 * Whether the file is a ZIP file with a `bundle.json`, which distinguishes a bundle from a container. Throws
 * `io_error`.
 */
export const isBundle = (file: string | Buffer): Promise<boolean> =>
  holdsEntry(file, [MANIFEST], DEFAULT_LIMITS.entries)

async function read(zip: ZipFile, limits: BundleLimits): Promise<Bundle> {
  const directory = await readDirectory(zip, limits.entries, malformed)
  let left = limits.bytes
  for (const { uncompressedSize } of directory.entries) {
    left -= uncompressedSize
    if (uncompressedSize > limits.entryBytes || left < 0) {
      throw malformed(
        say`it is too large to be verified whole: unzip it and verify its containers one by one`,
      )
    }
  }
  await checkStructure(zip, directory, { comments: [''], malformed })
  const files = new Map<string, Buffer>()
  for (const entry of directory.entries) {
    const bytes = await buffer(await zip.openReadStreamPromise(entry))
    if (crc32(bytes) !== entry.crc32) throw malformed(say`an entry whose checksum is wrong`)
    files.set(entry.fileName, bytes)
  }
  const bytes = files.get(MANIFEST)
  if (bytes === undefined) throw malformed(say`a file is missing in the bundle: ${MANIFEST}`)
  files.delete(MANIFEST)
  const manifest = parseManifest(bytes)
  checkFiles(manifest, files)
  return { manifest, files }
}

/** Throws `malformed_bundle` unless the files are exactly those of the manifest, with the same digests. */
export function checkFiles(manifest: BundleManifest, files: ReadonlyMap<string, Buffer>): void {
  const listed = Object.entries(manifest.files)
  if (listed.length !== files.size) throw malformed(say`its entries are not those of its manifest`)
  for (const [name, digest] of listed) {
    const bytes = files.get(name)
    if (bytes === undefined) throw malformed(say`a file is missing in the bundle: ${name}`)
    if (hash('sha256', bytes, 'base64') !== digest)
      throw malformed(say`${name} is not what the manifest says`)
  }
  for (const name of namedIn(manifest)) {
    if (!files.has(name)) throw malformed(say`a file is missing in the bundle: ${name}`)
  }
}

function namedIn(manifest: BundleManifest): string[] {
  const { records, timeStamps, evidenceRecords, checkpointSigner, configuration } = manifest
  return [
    ...records.flatMap(({ checkpoint, metadata, signatures, container }) => [
      ...[checkpoint, metadata, signatures, container],
    ]),
    ...timeStamps.flatMap(({ checkpoint, digests, hashChainResult, token }) => [
      ...[checkpoint, digests, hashChainResult, token],
    ]),
    ...evidenceRecords.flatMap(({ checkpoint, record }) => [checkpoint, record]),
    ...[...timeStamps, ...evidenceRecords, checkpointSigner].flatMap(({ certificates, ocspResponses }) => [
      ...certificates,
      ...ocspResponses,
    ]),
    ...configuration,
  ].filter((name) => name !== undefined)
}
