/** The manifest of a backup: its description, signed by the server that made it; read strictly. */
import { type JsonSignature, readSignedJson } from '#core/signature/signed-json.ts'
import { Fault } from '#schemas/fault.ts'
import type { Time } from '#schemas/sent-values.ts'

/** Facts by name that a person can compare: the newest index, the head of a log. */
export type BackupFacts = Record<string, string | number | null | string[]>

export type Manifest = {
  version: 1
  kind: 'central-registry' | 'security-server'
  /** The instance, or the identifier of the server. */
  of: string
  madeAt: Time
  software: string
  holdsNot: string[]
  facts: BackupFacts
  entries: { name: string; bytes: number; sha256: string }[]
}

/** The last entry of a backup. */
export const MANIFEST_NAME = 'manifest.jws'
export const MANIFEST_TYPE = 'concordat-backup-manifest+jws'
export const MAX_MANIFEST = 1024 * 1024
const MOST_ENTRIES = 10_000
const SHA256 = /^[0-9a-f]{64}$/
/** A path inside a folder: no step upwards, no hidden file. */
export const ENTRY_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}(\/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}){0,2}$/

/**
 * The manifest and its verified signature. Throws `backup_invalid` for another form, or a signature that does
 * not verify.
 */
export function readManifest(bytes: Buffer): { manifest: Manifest; signature: JsonSignature } {
  let signed: ReturnType<typeof readSignedJson>
  try {
    signed = readSignedJson(bytes, MANIFEST_TYPE, MAX_MANIFEST)
  } catch (cause) {
    throw new Fault('backup_invalid', { what: 'its manifest is not signed as it has to be', cause })
  }
  const document = signed.document as Record<string, unknown>
  const { version, kind, of, madeAt, software, holdsNot, facts, entries } = document
  const isWhole =
    version === 1 &&
    (kind === 'central-registry' || kind === 'security-server') &&
    [of, madeAt, software].every((one) => typeof one === 'string') &&
    !Number.isNaN(Date.parse(madeAt as string)) &&
    isTexts(holdsNot) &&
    isFacts(facts) &&
    Array.isArray(entries) &&
    entries.length <= MOST_ENTRIES &&
    entries.every(isEntry)
  if (!isWhole || Object.keys(document).length !== 8 || signed.signatures.length !== 1)
    throw new Fault('backup_invalid', { what: 'its manifest has another form' })
  return { manifest: document as Manifest, signature: signed.signatures[0]! }
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

function isFacts(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every(
    (one) => one === null || typeof one === 'string' || Number.isSafeInteger(one) || isTexts(one),
  )
}

function isEntry(value: unknown): boolean {
  const { name, bytes, sha256 } = (value ?? {}) as Record<string, unknown>
  const isNamed = typeof name === 'string' && ENTRY_NAME.test(name)
  return isNamed && Number.isSafeInteger(bytes) && (bytes as number) >= 0 && SHA256.test(String(sha256))
}
