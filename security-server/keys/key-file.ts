/**
 * One file per key: the public key, the sealed private key or its place on a hardware token, and the key's
 * requests and certificates. Because all of that is one file, every change of a key is one atomic write.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type MemberId, parseMemberId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { Time } from '#schemas/sent-values.ts'
import { asSealed, type Sealed, seal, unseal } from './seal.ts'
import { parseJson } from './token-file.ts'

export type KeyUsage = 'SIGNING' | 'AUTHENTICATION'

/** A PKCS#10 request made for a key; `member` is set for signing keys. */
type StoredRequest = { id: string; createdAt: Time; member: MemberId | undefined; der: Buffer }

export type StoredCertificate = {
  certificate: Certificate
  /** The member for whom it signs; undefined for authentication. */
  member: MemberId | undefined
  active: boolean
  importedAt: Time
}

export type StoredKey = {
  /** First 40 hex digits of the SHA-256 of the public key's SPKI. */
  id: string
  usage: KeyUsage
  label: string
  createdAt: Time
  spki: Buffer
  /** The sealed private key, for a key in the software token. */
  sealed?: Sealed | undefined
  /** CKA_ID in hex of a key on a hardware token. */
  objectId?: string | undefined
  /** Made with other tools: deleting the record here does not destroy the key on the token. */
  adopted?: true | undefined
  requests: StoredRequest[]
  certificates: StoredCertificate[]
}

/** The id of a key, made from its public key. */
export function keyId(spki: Buffer): string {
  return createHash('sha256').update(spki).digest('hex').slice(0, 40)
}

/** A new key's record with the private key sealed under the token key. */
export function makeStoredKey(q: {
  privateKey: KeyObject
  usage: KeyUsage
  label: string
  createdAt: Date
  tokenKey: Buffer
}): StoredKey {
  const spki = createPublicKey(q.privateKey).export({ format: 'der', type: 'spki' })
  const plain = q.privateKey.export({ format: 'der', type: 'pkcs8' })
  const id = keyId(spki)
  const sealed = seal(q.tokenKey, id, plain)
  plain.fill(0)
  return { ...newKey({ ...q, spki }), sealed }
}

/** A new key's record without the private key. */
export function newKey(q: { spki: Buffer; usage: KeyUsage; label: string; createdAt: Date }): StoredKey {
  return {
    id: keyId(q.spki),
    usage: q.usage,
    label: q.label,
    createdAt: q.createdAt.toISOString(),
    spki: q.spki,
    requests: [],
    certificates: [],
  }
}

/** The private key; throws `io_error` when the file was altered or belongs to another token. */
export function openStoredKey(key: StoredKey, tokenKey: Buffer): KeyObject {
  const plain = key.sealed && unseal(tokenKey, key.id, key.sealed)
  if (plain === undefined)
    throw new Fault('io_error', { what: say`key ${key.id} does not open with this token` })
  try {
    const privateKey = createPrivateKey({ key: plain, format: 'der', type: 'pkcs8' })
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
    if (!spki.equals(key.spki))
      throw new Fault('io_error', { what: say`key ${key.id} is not the one it says` })
    return privateKey
  } finally {
    plain.fill(0)
  }
}

/** The bytes of a key's file. */
export function writeKeyFile(key: StoredKey): Buffer {
  const value = {
    version: 1,
    ...key,
    spki: key.spki.toString('base64'),
    requests: key.requests.map((request) => ({
      ...request,
      member: request.member && idText(request.member),
      der: request.der.toString('base64'),
    })),
    certificates: key.certificates.map((stored) => ({
      der: stored.certificate.der.toString('base64'),
      member: stored.member && idText(stored.member),
      active: stored.active,
      importedAt: stored.importedAt,
    })),
  }
  return Buffer.from(JSON.stringify(value, null, 1))
}

/** Reads a key's file; throws `io_error` with its name when it is damaged. */
export function readKeyFile(text: string, name: string): StoredKey {
  const value = parseJson(text, name) as Record<string, unknown>
  try {
    const spki = bytes(value['spki'])
    const usage = value['usage']
    if (value['version'] !== 1 || (usage !== 'SIGNING' && usage !== 'AUTHENTICATION')) throw new Error('form')
    if (value['id'] !== keyId(spki)) throw new Error('id')
    return {
      id: keyId(spki),
      usage,
      label: string(value['label']),
      createdAt: string(value['createdAt']),
      spki,
      ...halfOf(value, name),
      requests: list(value['requests']).map((request) => ({
        id: string(request['id']),
        createdAt: string(request['createdAt']),
        member: optionalMember(request['member']),
        der: bytes(request['der']),
      })),
      certificates: list(value['certificates']).map((stored) => ({
        certificate: parseCertificate(bytes(stored['der'])),
        member: optionalMember(stored['member']),
        active: stored['active'] === true,
        importedAt: string(stored['importedAt']),
      })),
    }
  } catch (cause) {
    throw new Fault('io_error', { what: `${name} is damaged`, cause })
  }
}

/** Where the private key is: sealed in this file, or on a hardware token. */
function halfOf(
  value: Record<string, unknown>,
  name: string,
): Pick<StoredKey, 'sealed' | 'objectId' | 'adopted'> {
  const { objectId } = value
  if (objectId === undefined) return { sealed: asSealed(value['sealed'], name) }
  if (!/^([0-9a-f]{2}){1,64}$/.test(string(objectId))) throw new Error('form')
  return { objectId: string(objectId), ...(value['adopted'] === true ? { adopted: true } : {}) }
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw new Error('a text is missing')
  return value
}

function bytes(value: unknown): Buffer {
  return Buffer.from(string(value), 'base64')
}

function list(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value)) throw new Error('a list is missing')
  return value as Record<string, unknown>[]
}

function optionalMember(value: unknown): MemberId | undefined {
  return value === undefined ? undefined : parseMemberId(string(value))
}
