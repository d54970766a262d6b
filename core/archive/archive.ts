/**
 * What our archives contain in addition to X-Road's entries: `bundle.json` with one proof per record, and
 * `archive.json` with the members of `ArchiveInfo`.
 */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { say } from '#schemas/said.ts'
import { malformed } from './linking-info.ts'

export const ARCHIVE_INFO = 'archive.json'

export type ArchiveInfo = {
  version: 1
  /** The retention class of the records in the archive. */
  class: string
  /**
   * The preceding archive of this class: its file name, and base64 of the SHA-256 of its `bundle.json`. Null
   * in the first archive.
   */
  previous: { file: string; manifest: string } | null
}

/** The largest number of records and files in one archive. */
export const ARCHIVE_LIMITS = { records: 4000, files: 20_000 }

const FILE = /^[A-Za-z0-9._-]{1,255}$/
const SHA256 = /^[A-Za-z0-9+/]{43}=$/

/** Throws `malformed_archive` for anything but the canonical JSON of these members. */
export function parseArchiveInfo(bytes: Buffer): ArchiveInfo {
  let value: ArchiveInfo
  try {
    value = parseStrictJson(bytes) as ArchiveInfo
    if (canonicalJson(value) !== bytes.toString())
      throw malformed(say`archive.json is not in its canonical form`)
  } catch (cause) {
    throw malformed(say`archive.json is no canonical JSON`, cause)
  }
  const members = Object.keys(value ?? {}).join()
  const { version, previous } = value ?? {}
  const isGood =
    members === 'class,previous,version' &&
    version === 1 &&
    FILE.test(String(value.class)) &&
    (previous === null ||
      (Object.keys(previous).join() === 'file,manifest' &&
        FILE.test(String(previous.file)) &&
        SHA256.test(String(previous.manifest))))
  if (!isGood) throw malformed(say`archive.json is not of version 1`)
  return value
}
