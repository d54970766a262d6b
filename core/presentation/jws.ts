/**
 * JWS in compact form (RFC 7515), ECDSA only, each algorithm on its own curve (RFC 7518 3.4). The header
 * chooses nothing: whoever verifies says which key and which type it expects.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { RefusalReason } from '#schemas/presentation.ts'
import { type JsonObject, readBase64url, readJsonObject } from './json.ts'
import { need, orRefuse } from './refused.ts'

export type Jws = { header: JsonObject; payload: JsonObject; signed: Buffer; signature: Buffer }

/** By curve, as node:crypto names it: JOSE's name, digest, COSE's identifiers (RFC 9053, RFC 9864). */
const CURVES: Record<string, { jose: string; digest: string; cose: readonly number[] }> = {
  prime256v1: { jose: 'ES256', digest: 'sha256', cose: [-7, -9] },
  secp384r1: { jose: 'ES384', digest: 'sha384', cose: [-35, -51] },
  secp521r1: { jose: 'ES512', digest: 'sha512', cose: [-36, -52] },
}

const MAX_TOKEN = 262_144

/** The parts of a token. `crit` is refused: this verifier knows no extension that must be understood. */
export function readJws(token: string, reason: RefusalReason, maxLength = MAX_TOKEN): Jws {
  need(token.length <= maxLength, reason, 'a token that is too long')
  const parts = token.split('.')
  need(parts.length === 3, reason, 'a token of three parts is needed')
  const [header, payload, signature] = parts as [string, string, string]
  const read = {
    header: readJsonObject(readBase64url(header, reason), reason),
    payload: readJsonObject(readBase64url(payload, reason), reason),
    signed: Buffer.from(`${header}.${payload}`, 'ascii'),
    signature: readBase64url(signature, reason),
  }
  need(read.header.crit === undefined, reason, 'crit')
  return read
}

/**
 * Whether `key` signed it. Refuses with `algorithm_refused` when the header's algorithm is not the one of
 * this key.
 */
export function isSignedWith(jws: Jws, key: KeyObject): boolean {
  const curve = curveOf(key)
  need(jws.header.alg === curve.jose, 'algorithm_refused')
  return verify(curve.digest, jws.signed, { key, dsaEncoding: 'ieee-p1363' }, jws.signature)
}

/** Whether `key` made the COSE signature over `signed` with the algorithm that COSE calls `algorithm`. */
export function isCoseSignedWith(
  signed: Buffer,
  signature: Buffer,
  algorithm: unknown,
  key: KeyObject,
): boolean {
  const curve = curveOf(key)
  need(typeof algorithm === 'number' && curve.cose.includes(algorithm), 'algorithm_refused')
  return verify(curve.digest, signed, { key, dsaEncoding: 'ieee-p1363' }, signature)
}

function curveOf(key: KeyObject): (typeof CURVES)[string] {
  const curve =
    key.asymmetricKeyType === 'ec' ? CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''] : undefined
  need(curve !== undefined, 'algorithm_refused')
  return curve
}

/**
 * The public key of a JWK on one of the three curves; of the JWK only the members that make the key are read.
 */
export function keyOfJwk(jwk: JsonObject, reason: RefusalReason): KeyObject {
  const { kty, crv, x, y } = jwk
  need(kty === 'EC' && typeof crv === 'string', reason)
  need(typeof x === 'string' && typeof y === 'string' && jwk.d === undefined, reason)
  const key = orRefuse(reason, () => createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' }))
  need((key.asymmetricKeyDetails?.namedCurve ?? '') in CURVES, reason)
  return key
}
