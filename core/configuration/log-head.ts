/**
 * The registry's transparency log as its readers see it: the leaf of a published configuration, the signed head, and the
 * proof that a statement stands in the log of its head and that this log only grew (RFC 9162 sections 2.1.3 and 2.1.4).
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { HASH_LENGTH, leafHash } from '#core/merkle/hash.ts'
import { verifyConsistency, verifyInclusion } from '#core/merkle/proofs.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationStatement, LogHead } from '#schemas/global-configuration.ts'
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
/** A tree of 2^53 leaves is no higher; a consistency proof holds one more. */
const MAX_HASHES = 54

/** A head with its signed text, which proves what the registry said. */
export type SignedHead = { head: LogHead; text: string }

/** Signs a head, by a signer whose key may lie on a token. */
export function signLogHead(head: LogHead, signer: RemoteDocumentSigner): Promise<string> {
  return signDocument(head, signer, LOG_HEAD)
}

/** The head inside a JWS that one of `certificates` (DER) signed. Throws `malformed_global_conf`, `invalid_global_conf_signature`. */
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

/** What a publication puts into the log: the leaf's form, and the text whose SHA-256 it holds, empty for small leaves. */
export type LogEntry = { form: string; content: string }

/** `parts`: "V6/SHARED-PARAMETERS" to the base64 SHA-512 of its content, of all versions. */
export function configurationEntry(q: {
  instance: string
  index: number
  generatedAt: string
  parts: Record<string, string>
}): LogEntry {
  const { parts, ...facts } = q
  const content = canonicalJson(parts)
  return { content, form: canonicalJson({ kind: 'configuration', ...facts, parts: sha256(content) }) }
}

/** The end of the registry's audit log: how many records it had and the digest of the last (docs/audit-log.md). */
export function auditEntry(q: { instance: string; records: number; digest: string }): LogEntry {
  return { content: '', form: canonicalJson({ kind: 'audit-log', ...q }) }
}

/** What happened to a version of a service contract, which `hash` names; its content is nobody else's business. */
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

/** Which external anchor the instance trusts, by its SHA-256, or trusts no more. */
export function federationEntry(q: {
  instance: string
  federated: string
  anchor: string
  act: string
  at: string
}): LogEntry {
  return { content: '', form: canonicalJson({ kind: 'federation', ...q }) }
}

/** That a restored register was accepted: the SHA-256 of what, and the index above which all that follows lies. */
export function restorationEntry(q: {
  instance: string
  content: string
  above: number
  at: string
}): LogEntry {
  return { content: '', form: canonicalJson({ kind: 'restoration', ...q }) }
}

/** The proof for a head of `size` leaves: its newest leaf, and what leads from an older head to it. */
export type LogProof = LogEntry & { inclusion: Buffer[]; consistency: Buffer[] }

export function writeLogProof({ form, content, inclusion, consistency }: LogProof): string {
  const texts = (hashes: Buffer[]): string[] => hashes.map((hash) => hash.toString('base64'))
  return canonicalJson({ form, content, inclusion: texts(inclusion), consistency: texts(consistency) })
}

/** Reads a proof from anywhere; throws `malformed_global_conf`. Nothing in it counts until it was checked. */
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
 * Throws `invalid_proof` unless the statement is what the newest leaf under its head says, part by part. A proof is not
 * signed: one that fails says no more than that it was not given.
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

/** Throws `registry_fork` when two signed heads cannot both be of one log, whatever proof there might be. */
export function checkNoContradiction(one: LogHead, other: LogHead): void {
  const [older, newer] = one.size <= other.size ? [one, other] : [other, one]
  if (older.size === newer.size && (older.root !== newer.root || older.index !== newer.index))
    throw fork(`two heads of size ${older.size} differ`)
  if (older.size < newer.size && older.index >= newer.index)
    throw fork(`index ${newer.index} came after ${older.index} in a log that grew`)
}

/** Throws `invalid_proof` unless `consistency` shows that the newer head's log begins with the older one's; `registry_fork`. */
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
