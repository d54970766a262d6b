/**
 * Binds a presentation to one exchange. Profile A: `transaction_data`, whose hash the holder of an SD-JWT VC
 * signs. Profile B, for mobile documents and wallets that know no transaction data: the nonce is 16 random
 * octets and the request's digest, so that it is fresh and still commits to the request.
 */
import { createHash } from 'node:crypto'
import { isTexts, readBase64url, readJsonObject } from './json.ts'
import { need } from './refused.ts'

/** What a person agrees to, as their wallet shows it. */
export type Transaction = {
  /** The contract's id, and the operation that is called under it. */
  contract: string
  operation: string
  /** One sentence in plain words. */
  purpose: string
  fields: string[]
  /** SHA-256 of the request. */
  requestDigest: Buffer
  expires: Date
}

/** An entry of the request with the queries whose holders must sign it. */
export type TransactionEntry = {
  text: string
  credentialIds: string[]
  requestDigest: string
  /** A presentation at this time or later agrees to nothing. */
  expires: Date
}

/** Our own type, which collides with nobody's. */
const TRANSACTION_TYPE = 'urn:concordat:transaction:exchange:1'

const RANDOM = 16
const DIGEST = 32

/** Profile A: the text that stands in the request, base64url of JSON. */
export function writeTransaction(transaction: Transaction, credentialIds: string[]): string {
  const { contract, operation, purpose, fields, requestDigest, expires } = transaction
  const entry = {
    type: TRANSACTION_TYPE,
    credential_ids: credentialIds,
    transaction_data_hashes_alg: ['sha-256'],
    ...{ contract, operation, purpose, fields },
    request_digest: requestDigest.toString('base64url'),
    expires: expires.toISOString(),
  }
  return Buffer.from(JSON.stringify(entry)).toString('base64url')
}

/** What the holder signs: the hash of the text itself, not of what it decodes to (OpenID4VP B.3.3.1). */
export function hashOfTransaction(text: string): string {
  return createHash('sha256').update(text, 'ascii').digest('base64url')
}

/**
 * Profile B. `random` must be 16 fresh octets: with the digest alone, the same request asked again would
 * repeat its nonce.
 */
export function bindingNonce(random: Buffer, requestDigest: Buffer): string {
  if (random.length !== RANDOM || requestDigest.length !== DIGEST)
    throw new TypeError('16 random octets and a digest of 32 are needed')
  return Buffer.concat([random, requestDigest]).toString('base64url')
}

/** What opens a nonce of profile B, for evidence; undefined for other nonces. */
export function openNonce(nonce: string): { random: Buffer; requestDigest: Buffer } | undefined {
  const octets = Buffer.from(nonce, 'base64url')
  if (octets.length !== RANDOM + DIGEST || octets.toString('base64url') !== nonce) return undefined
  return { random: octets.subarray(0, RANDOM), requestDigest: octets.subarray(RANDOM) }
}

/**
 * The entry of a request. Refuses with `record_malformed` what is not of our type: another may mean something
 * else by the same words.
 */
export function readTransaction(text: string): TransactionEntry {
  const entry = readJsonObject(readBase64url(text, 'record_malformed'), 'record_malformed')
  const { type, credential_ids: credentialIds, request_digest: requestDigest, expires } = entry
  need(type === TRANSACTION_TYPE, 'record_malformed', 'type of transaction_data')
  need(isTexts(credentialIds) && typeof requestDigest === 'string', 'record_malformed', 'transaction_data')
  need(typeof expires === 'string', 'record_malformed', 'end of transaction_data')
  const end = new Date(expires)
  const isSound = !Number.isNaN(end.getTime()) && end.toISOString() === expires
  need(isSound, 'record_malformed', 'end of transaction_data')
  return { text, credentialIds, requestDigest, expires: end }
}
