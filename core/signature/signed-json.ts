/**
 * Documents signed with keys that have certificates: JWS in general JSON serialization (RFC 7515 7.2.1) over
 * RFC 8785 JSON. Only one form is accepted. The header is protected and has alg, typ, x5c and ocsp. It does
 * not refer to a key elsewhere (no jku, jwk, kid). The algorithm is the one for the key in the certificate.
 */
import { isUtf8 } from 'node:buffer'
import { type KeyObject, sign, verify } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { type Certificate, parseCertificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { isStrongKey } from '#core/certificate/key-strength.ts'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import { optionsOf, publicHalf, type SigningKey, type SigningMethod, signWith } from './signing-key.ts'

export type JsonSigner = {
  /** The signer's certificate first, then those between it and an approved CA. */
  certificates: Certificate[]
  /** OCSP answers (RFC 6960, DER) for these certificates; empty for a key whose status is not checked. */
  ocspResponses: Buffer[]
  key: KeyObject
}

/** A signature whose value was verified. The caller decides whether to trust its certificate. */
export type JsonSignature = { certificate: Certificate; certificates: Certificate[]; ocspResponses: Buffer[] }

type SignedJson = { document: unknown; signatures: JsonSignature[] }

/** RFC 7518 3.1. The curve decides the digest, so a key has exactly one algorithm. */
const CURVES: Record<string, { alg: string; digest: SigningMethod['digest'] }> = {
  prime256v1: { alg: 'ES256', digest: 'sha256' },
  secp384r1: { alg: 'ES384', digest: 'sha384' },
  secp521r1: { alg: 'ES512', digest: 'sha512' },
}
const MAX_LENGTH = 128 * 1024
const MAX_DEPTH = 16
const MAX_SIGNATURES = 2
const MAX_CERTIFICATES = 5
const MAX_RESPONSES = 5

/**
 * Signs `document` once per signer. `type` names the purpose, so that the document cannot be used for
 * another.
 */
export function writeSignedJson(document: unknown, type: string, signers: JsonSigner[]): string {
  const payload = base64Url(canonicalJson(document))
  const signatures = signers.map((signer) => {
    const header = headerOf(signer, algorithmOf(signer.key).alg, type)
    const value = signData(signer.key, `${header}.${payload}`)
    return { protected: header, signature: value.toString('base64url') }
  })
  return canonicalJson({ payload, signatures })
}

/** As `writeSignedJson`, for keys that may be on a token. */
export async function signJson(
  document: unknown,
  type: string,
  signers: (Omit<JsonSigner, 'key'> & { key: SigningKey })[],
): Promise<string> {
  const payload = base64Url(canonicalJson(document))
  const signatures = await Promise.all(
    signers.map(async (signer) => {
      const { alg, method } = algorithmOf(publicHalf(signer.key))
      const header = headerOf(signer, alg, type)
      const value = await signWith(signer.key, method, Buffer.from(`${header}.${payload}`))
      return { protected: header, signature: value.toString('base64url') }
    }),
  )
  return canonicalJson({ payload, signatures })
}

function headerOf(
  { certificates, ocspResponses }: Omit<JsonSigner, 'key'>,
  alg: string,
  type: string,
): string {
  const x5c = certificates.map((one) => one.der.toString('base64'))
  const ocsp = ocspResponses.map((one) => one.toString('base64'))
  return base64Url(canonicalJson({ alg, typ: type, x5c, ocsp }))
}

/**
 * Joins two signed documents with equal payloads and different signers into one. Throws `malformed_signature`
 * if the payloads differ. Does not verify the signatures: `readSignedJson` does.
 */
export function joinSignedJson(first: string, second: string): string {
  const [a, b] = [first, second].map((text) =>
    objectOf(parseStrictJson(Buffer.from(text), { maxLength: MAX_LENGTH, maxDepth: MAX_DEPTH })),
  ) as [Record<string, unknown>, Record<string, unknown>]
  if (a['payload'] !== b['payload']) throw malformed(say`the two documents differ`)
  return canonicalJson({
    payload: a['payload'],
    signatures: [a, b].flatMap(({ signatures }) => (Array.isArray(signatures) ? signatures : [])),
  })
}

/**
 * The document and its signatures, all verified. Throws `malformed_json`, `malformed_certificate` or
 * `malformed_signature` for another form, `invalid_signature_value` for a signature that does not verify.
 * `maxLength`: for documents that may be longer than those from strangers.
 */
export function readSignedJson(bytes: Buffer, type: string, maxLength = MAX_LENGTH): SignedJson {
  const outer = objectOf(parseStrictJson(bytes, { maxLength, maxDepth: MAX_DEPTH }))
  const { payload, signatures, ...more } = outer
  if (typeof payload !== 'string' || !Array.isArray(signatures) || Object.keys(more).length > 0)
    throw malformed(say`a payload and signatures are needed, and nothing else`)
  if (signatures.length === 0 || signatures.length > MAX_SIGNATURES)
    throw malformed(say`1 to ${MAX_SIGNATURES} signatures are needed`)
  const verified = signatures.map((one: unknown) => readSignature(objectOf(one), payload, type))
  const certificates = new Set(verified.map(({ certificate }) => certificate.sha256))
  if (certificates.size < verified.length) throw malformed(say`two signatures are of one certificate`)
  return { document: readCanonical(payload, maxLength), signatures: verified }
}

function readSignature(one: Record<string, unknown>, payload: string, type: string): JsonSignature {
  const { protected: header, signature, ...more } = one
  if (typeof header !== 'string' || typeof signature !== 'string' || Object.keys(more).length > 0)
    throw malformed(say`a signature has a protected header and a value, and nothing else`)
  const { alg, typ, x5c, ocsp, ...unknown } = objectOf(readCanonical(header))
  const name = Object.keys(unknown)[0]
  if (name !== undefined)
    throw malformed(say`the header field ${JSON.stringify(name.slice(0, 20))} is not taken`)
  if (typ !== type) throw malformed(say`its header has another typ than ${type}`)
  const [certificate, ...certificates] = derList(x5c, 'x5c', MAX_CERTIFICATES).map(parseCertificate)
  if (certificate === undefined) throw malformed(say`x5c holds no certificate`)
  const ocspResponses = derList(ocsp, 'ocsp', MAX_RESPONSES)
  const key = publicKeyOf(certificate)
  if (!isStrongKey(key) || alg !== algorithmOf(key).alg)
    throw malformed(say`alg is not the one that fits the key of the certificate`)
  if (!isSignedBy(key, `${header}.${payload}`, bytesOf(signature))) throw new Fault('invalid_signature_value')
  return { certificate, certificates, ocspResponses }
}

/**
 * The one algorithm of a key, RFC 7518 3.4 and 3.5: r||s for ECDSA; RSASSA-PSS with a salt as long as the
 * digest. Throws `cannot_sign` for other kinds of keys.
 */
export function algorithmOf(key: KeyObject): { alg: string; method: SigningMethod } {
  if (key.asymmetricKeyType === 'rsa') return { alg: 'PS256', method: { digest: 'sha256', kind: 'rsa-pss' } }
  const curve = key.asymmetricKeyType === 'ec' ? (key.asymmetricKeyDetails?.namedCurve ?? '') : ''
  const found = CURVES[curve]
  if (found === undefined) throw new Fault('cannot_sign', { what: say`a key of this kind signs no JWS` })
  return { alg: found.alg, method: { digest: found.digest, kind: 'ecdsa' } }
}

function signData(key: KeyObject, data: string): Buffer {
  const { method } = algorithmOf(key)
  return sign(method.digest, Buffer.from(data), { key, ...optionsOf(method) })
}

function isSignedBy(key: KeyObject, data: string, value: Buffer): boolean {
  const { method } = algorithmOf(key)
  return verify(method.digest, Buffer.from(data), { key, ...optionsOf(method) }, value)
}

function derList(value: unknown, name: string, most: number): Buffer[] {
  if (!Array.isArray(value) || value.length > most)
    throw malformed(say`${name} is not a list of at most ${most}`)
  return value.map((text: unknown) => {
    const bytes = Buffer.from(typeof text === 'string' ? text : '', 'base64')
    if (bytes.length === 0 || bytes.toString('base64') !== text)
      throw malformed(say`the header field ${name} is not base64`)
    return bytes
  })
}

/** Accepts the canonical text only, so that one content has exactly one text. */
function readCanonical(segment: string, maxLength = MAX_LENGTH): unknown {
  const bytes = bytesOf(segment)
  // Bytes that are not UTF-8 would decode to U+FFFD and could then pass for the canonical text of another
  // document.
  if (!isUtf8(bytes)) throw malformed(say`it is not UTF-8`)
  const text = bytes.toString('utf8')
  const value = parseStrictJson(text, { maxLength, maxDepth: MAX_DEPTH })
  if (canonicalJson(value) !== text) throw malformed(say`it is not canonical JSON`)
  return value
}

function bytesOf(segment: string): Buffer {
  const bytes = Buffer.from(segment, 'base64url')
  if (bytes.toString('base64url') !== segment) throw malformed(say`it is not base64url`)
  return bytes
}

function base64Url(text: string): string {
  return Buffer.from(text).toString('base64url')
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw malformed(say`an object is needed`)
}

function malformed(what: Word): Fault {
  return new Fault('malformed_signature', { what: say`the signed document (JWS): ${what}` })
}
