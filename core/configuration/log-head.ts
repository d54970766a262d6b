/**
 * The registry's transparency log from the reader's side: the leaf of a published configuration, the signed
 * head, the proof that the log of a head contains a statement, and the proof that the log only grew (RFC 9162
 * sections 2.1.3 and 2.1.4).
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { HASH_LENGTH, leafHash } from '#core/merkle/hash.ts'
import { verifyConsistency, verifyInclusion } from '#core/merkle/proofs.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationStatement, LogHead } from '#schemas/global-configuration.ts'
import type { Time } from '#schemas/sent-values.ts'
import {
  type DocumentKind,
  isObject,
  malformed,
  openDocument,
  type RemoteDocumentSigner,
  signDocument,
} from './signed-document.ts'

export const MAX_PROOF_LENGTH = 256 * 1024
export const LOG_HEAD: DocumentKind = { name: 'log head', type: 'concordat-log-head+jws', maxLength: 2048 }
const PROOF = { name: 'log proof' }
/** An inclusion proof in a tree of 2^53 leaves has no more hashes; a consistency proof may have one more. */
const MAX_HASHES = 54

/** A head and its signed text, by which others can verify what the registry signed. */
export type SignedHead = { head: LogHead; text: string }

/** Signs a head; the signer's key may be on a token. */
export function signLogHead(head: LogHead, signer: RemoteDocumentSigner): Promise<string> {
  return signDocument(head, signer, LOG_HEAD)
}

/**
 * Returns the head in a JWS that one of `certificates` (DER) signed. Throws `malformed_global_conf` or
 * `invalid_global_conf_signature`.
 */
export function verifyLogHead(jws: string, certificates: Buffer[]): LogHead {
  const { instance, index, size, root, ...more } = openDocument(jws, certificates, LOG_HEAD)
  if (
    Object.keys(more).length > 0 ||
    typeof instance !== 'string' ||
    !isNumber(index, 0) ||
    !isNumber(size, 1) ||
    typeof root !== 'string' ||
    !isHash(root)
  ) {
    throw malformed(LOG_HEAD, 'its fields are not those of a log head')
  }
  return { instance, index, size, root }
}

/**
 * Verifies the log head in a statement; undefined when there is none. Throws `malformed_global_conf` when the
 * head belongs to another statement.
 */
export function headOf(statement: ConfigurationStatement, certificates: Buffer[]): SignedHead | undefined {
  const text = statement.logHead
  if (text === undefined) return undefined
  const head = verifyLogHead(text, certificates)
  if (head.instance !== statement.instance || head.index !== statement.index)
    throw new Fault('malformed_global_conf', { what: 'the log head in the statement is of another one' })
  return { head, text }
}

/**
 * An entry of the log: the leaf's form, and the text whose SHA-256 the form contains ('' for small leaves,
 * which have none).
 */
export type LogEntry = { form: string; content: string }

/**
 * The entry of a published configuration. `parts` maps names such as "V6/SHARED-PARAMETERS", of all versions,
 * to the base64 SHA-512 of their content.
 */
export function configurationEntry(q: {
  instance: string
  index: number
  generatedAt: Time
  parts: Record<string, string>
}): LogEntry {
  const { parts, ...facts } = q
  const content = canonicalJson(parts)
  return { content, form: canonicalJson({ kind: 'configuration', ...facts, parts: sha256(content) }) }
}

/**
 * The entry about the registry's audit log: its number of records and the digest of the last one
 * (docs/audit-log.md).
 */
export function auditEntry(q: { instance: string; records: number; digest: string }): LogEntry {
  return { content: '', form: canonicalJson({ kind: 'audit-log', ...q }) }
}

/**
 * The entry about an act on a version of a service contract. `hash` identifies the content, which stays
 * private.
 */
export function contractEntry(q: {
  instance: string
  contract: string
  version: number
  hash: string
  act: string
  at: string
}): LogEntry {
  return { content: '', form: canonicalJson({ kind: 'contract', ...q }) }
}

/**
 * The entry about an external anchor, identified by its SHA-256, that the instance trusts from now on or no
 * longer trusts.
 */
export function federationEntry(q: {
  instance: string
  federated: string
  anchor: string
  act: string
  at: string
}): LogEntry {
  return { content: '', form: canonicalJson({ kind: 'federation', ...q }) }
}

/**
 * The entry about a restored register that was accepted: `content` is its SHA-256; all later indexes are
 * larger than `above`.
 */
export function restorationEntry(q: {
  instance: string
  content: string
  above: number
  at: string
}): LogEntry {
  return { content: '', form: canonicalJson({ kind: 'restoration', ...q }) }
}

/** The entry about a new entry in the history of a DID: `entry` is the SHA-256 of its line. */
export function identityEntry(q: {
  instance: string
  did: string
  version: string
  entry: string
  at: string
}): LogEntry {
  return { content: '', form: canonicalJson({ kind: 'identity', ...q }) }
}

/**
 * The proof for a head: its newest leaf, the inclusion proof of this leaf, and the consistency proof from an
 * older head.
 */
export type LogProof = LogEntry & { inclusion: Buffer[]; consistency: Buffer[] }

export function writeLogProof({ form, content, inclusion, consistency }: LogProof): string {
  const texts = (hashes: Buffer[]): string[] => hashes.map((hash) => hash.toString('base64'))
  return canonicalJson({ form, content, inclusion: texts(inclusion), consistency: texts(consistency) })
}

/** Reads an untrusted proof without checking it; throws `malformed_global_conf`. */
export function readLogProof(bytes: Buffer): LogProof {
  let value: unknown
  try {
    value = parseStrictJson(bytes, { maxLength: MAX_PROOF_LENGTH, maxDepth: 4 })
  } catch (cause) {
    throw new Fault('malformed_global_conf', { what: 'log proof: it is not JSON', cause })
  }
  if (!isObject(value)) throw malformed(PROOF, 'it is no object')
  const { form, content, inclusion, consistency } = value
  if (typeof form !== 'string' || typeof content !== 'string') throw malformed(PROOF, 'it holds no leaf')
  return { form, content, inclusion: readHashes(inclusion), consistency: readHashes(consistency) }
}

/**
 * Throws `invalid_proof` unless the newest leaf under the head contains the statement's parts. A proof is not
 * signed, so a failed one is no evidence against the registry.
 */
export function checkStatementInLog(
  statement: Pick<ConfigurationStatement, 'instance' | 'index' | 'generatedAt' | 'parts'>,
  head: LogHead,
  { form, content, inclusion }: LogProof,
): void {
  const { instance, index, generatedAt } = statement
  const expected = { kind: 'configuration', instance, index, generatedAt, parts: sha256(content) }
  if (form !== canonicalJson(expected)) throw unproven('the newest leaf is about another configuration')
  const logged = contentOf(content)
  for (const [name, { sha512 }] of Object.entries(statement.parts)) {
    if (!Object.hasOwn(logged, name) || logged[name] !== sha512)
      throw unproven(`the log holds another ${name} than the statement`)
  }
  verifyInclusion({
    ...{ size: head.size, index: head.size - 1, root: rootOf(head), proof: inclusion },
    leaf: leafHash(Buffer.from(form)),
  })
}

/** Throws `registry_fork` when no proof could show that two signed heads belong to the same log. */
export function checkNoContradiction(one: LogHead, other: LogHead): void {
  const [older, newer] = one.size <= other.size ? [one, other] : [other, one]
  if (older.size === newer.size && (older.root !== newer.root || older.index !== newer.index))
    throw fork(`two heads of size ${older.size} differ`)
  if (older.size < newer.size && older.index >= newer.index)
    throw fork(`index ${newer.index} came after ${older.index} in a log that grew`)
}

/**
 * Throws `invalid_proof` unless `consistency` shows that the newer head's log begins with the older one's,
 * and `registry_fork` as `checkNoContradiction` does.
 */
export function checkLogGrew(older: LogHead, newer: LogHead, consistency: Buffer[]): void {
  checkNoContradiction(older, newer)
  verifyConsistency({
    ...{ first: older.size, second: newer.size, proof: consistency },
    ...{ firstRoot: rootOf(older), secondRoot: rootOf(newer) },
  })
}

function contentOf(content: string): Record<string, unknown> {
  try {
    const value = parseStrictJson(content)
    if (isObject(value)) return value
  } catch (cause) {
    throw new Fault('invalid_proof', { what: 'the content of a leaf is not JSON', cause })
  }
  throw unproven('the content of a leaf is no object')
}

function readHashes(value: unknown): Buffer[] {
  if (!Array.isArray(value) || value.length > MAX_HASHES) throw malformed(PROOF, 'a proof is malformed')
  return value.map((text: unknown) => {
    if (typeof text !== 'string' || !isHash(text)) throw malformed(PROOF, 'a hash is malformed')
    return Buffer.from(text, 'base64')
  })
}

function rootOf({ root }: LogHead): Buffer {
  return Buffer.from(root, 'base64')
}

function isHash(text: string): boolean {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === HASH_LENGTH && bytes.toString('base64') === text
}

function isNumber(value: unknown, least: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function unproven(what: string): Fault {
  return new Fault('invalid_proof', { what })
}

function fork(what: string): Fault {
  return new Fault('registry_fork', { what })
}
