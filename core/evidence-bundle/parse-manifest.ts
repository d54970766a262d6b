/**
 * Reads `bundle.json` strictly: canonical JSON (RFC 8785) with exactly the members of version 1, within
 * bounds.
 */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import type {
  BundleEvidenceRecord,
  BundleManifest,
  BundleOpening,
  BundleRecord,
  BundleTimeStamp,
} from './bundle.ts'

const MAX_RECORDS = 512
const MAX_PATH = 64
export const MAX_TIME_STAMPS = 256
const MAX_KEPT = 512
const MAX_FILES = 4096
const MAX_TEXT = 64 * 1024
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const FILE_NAME = /^(?!(?:.*\/)?\.+(?:\/|$))[A-Za-z0-9%._*+-]{1,255}(?:\/[A-Za-z0-9%._*+-]{1,255}){0,3}$/

type Reader<T> = (value: unknown, where: string) => T

/**
 * Throws `malformed_bundle`. `most`: the largest numbers of records and files, which are higher for archives
 * than for bundles.
 */
export function parseManifest(
  bytes: Buffer,
  most: { records: number; files: number } = { records: MAX_RECORDS, files: MAX_FILES },
): BundleManifest {
  const text = bytes.toString('utf8')
  let value: unknown
  try {
    value = parseStrictJson(bytes)
  } catch (cause) {
    throw malformed(say`bundle.json is no JSON`, cause)
  }
  // There is only one text per value, so two programs cannot read two manifests in one file.
  if (canonicalJson(value) !== text) throw malformed(say`bundle.json is not in its canonical form`)
  if ((value as { version?: unknown } | null)?.version !== 1) throw malformed(say`it is not of version 1`)
  const manifest = object<BundleManifest>({
    version: (one) => one as 1,
    log: text_,
    made: time,
    records: list(record, 1, most.records),
    timeStamps: list(timeStamp, 0, MAX_TIME_STAMPS),
    evidenceRecords: list(evidenceRecord, 0, MAX_TIME_STAMPS),
    checkpointSigner: object({
      certificates: list(fileName, 0, 8),
      ocspResponses: list(fileName, 0, 8),
    }),
    configuration: list(fileName, 0, 64),
    files: fileDigests(most.files),
  })(value, 'bundle.json')
  for (const some of [manifest.records, manifest.timeStamps])
    if (some.some(({ index }, i) => i > 0 && index <= some[i - 1]!.index))
      throw malformed(say`its records are not in order`)
  return manifest
}

const text_: Reader<string> = (value, where) => {
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT) throw malformed(where)
  return value
}
const time: Reader<string> = (value, where) => {
  const text = text_(value, where)
  if (!TIME.test(text) || Number.isNaN(Date.parse(text))) throw malformed(where)
  return text
}
const fileName: Reader<string> = (value, where) => {
  const text = text_(value, where)
  if (!FILE_NAME.test(text)) throw malformed(where)
  return text
}
const base64 =
  (length: number): Reader<string> =>
  (value, where) => {
    const text = text_(value, where)
    const bytes = Buffer.from(text, 'base64')
    if (bytes.length !== length || bytes.toString('base64') !== text) throw malformed(where)
    return text
  }
const index: Reader<number> = (value, where) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw malformed(where)
  return value as number
}
const opening = optional(object<BundleOpening>({ key: base64(32), digest: base64(64) }))
const record = object<BundleRecord>({
  index,
  form: text_,
  path: list(base64(32), 0, MAX_PATH),
  checkpoint: fileName,
  openings: object({ parties: opening, message: opening, body: opening }),
  metadata: optional(fileName),
  signatures: optional(fileName),
  container: optional(fileName),
  erased: optional(time),
})
const timeStamp = object<BundleTimeStamp>({
  index,
  form: text_,
  path: list(base64(32), 0, MAX_PATH),
  checkpoint: fileName,
  openings: object({
    message: object<BundleOpening>({ key: base64(32), digest: base64(64) }),
    body: object<BundleOpening>({ key: base64(32), digest: base64(64) }),
  }),
  firstId: index,
  lastId: index,
  digests: fileName,
  hashChainResult: optional(fileName),
  token: fileName,
  certificates: list(fileName, 0, MAX_KEPT),
  ocspResponses: list(fileName, 0, MAX_KEPT),
})
const evidenceRecord = object<BundleEvidenceRecord>({
  checkpoint: fileName,
  record: fileName,
  certificates: list(fileName, 0, MAX_KEPT),
  ocspResponses: list(fileName, 0, MAX_KEPT),
})
function fileDigests(most: number): Reader<Record<string, string>> {
  return (value, where) => {
    const entries = Object.entries((value ?? {}) as object)
    if (value === null || typeof value !== 'object' || Array.isArray(value) || entries.length > most)
      throw malformed(where)
    return Object.fromEntries(
      entries.map(([name, digest]) => [fileName(name, where), base64(32)(digest, `${where} ${name}`)]),
    )
  }
}

function list<T>(item: Reader<T>, least: number, most: number): Reader<T[]> {
  return (value, where) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) throw malformed(where)
    return value.map((one, i) => item(one, `${where} ${i}`))
  }
}

function optional<T>(reader: Reader<T>): Reader<T | undefined> {
  return (value, where) => (value === undefined ? undefined : reader(value, where))
}

/** Reads exactly these members; a member may be absent if its reader accepts `undefined`. */
function object<T extends object>(members: { [K in keyof T]-?: Reader<T[K]> }): Reader<T> {
  return (value, where) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw malformed(where)
    const given = value as Record<string, unknown>
    const unknown = Object.keys(given).find((name) => !Object.hasOwn(members, name))
    if (unknown !== undefined) throw malformed(say`${where} has a member that version 1 does not know`)
    const read = Object.entries(members as Record<string, Reader<unknown>>).map(([name, reader]) => [
      name,
      reader(Object.hasOwn(given, name) ? given[name] : undefined, `${where} ${name}`),
    ])
    return Object.fromEntries(read.filter(([, one]) => one !== undefined)) as T
  }
}

export function malformed(what: Word, cause?: unknown): Fault {
  return new Fault('malformed_bundle', { what, cause })
}
