/**
 * Our signed statement beside X-Road's configuration: a compact JWS (RFC 7515) over RFC 8785 JSON, by the key that signs
 * the directory. Its index only rises, so that a rolled back or frozen source shows.
 */
import { createHash, type KeyObject, sign, verify } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { publicKeyOf, readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationStatement } from '#schemas/global-configuration.ts'

export type StatementAlgorithm = 'ES256' | 'RS512'

export type StatementSigner = {
  /** DER of the certificate that belongs to the key. */
  certificate: Buffer
  algorithm: StatementAlgorithm
  /** ES256: raw r||s over SHA-256; RS512: PKCS#1 v1.5 over SHA-512. */
  sign(data: Buffer): Buffer
}

const MAX_LENGTH = 1024 * 1024
const MAX_PARTS = 1024
const JWS = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/
const PART_NAME = /^V[1-9]\d?\/[A-Z][A-Z0-9-]{0,63}$/
const SHA512_BASE64 = /^[A-Za-z0-9+/]{86}==$/

/** Signs a statement. */
export function writeStatement(statement: ConfigurationStatement, signer: StatementSigner): string {
  const header = { alg: signer.algorithm, 'x5t#S256': thumbprint(signer.certificate) }
  const signed = [header, statement]
    .map((part) => Buffer.from(canonicalJson(part)).toString('base64url'))
    .join('.')
  return `${signed}.${signer.sign(Buffer.from(signed)).toString('base64url')}`
}

/** A signer that holds a private key of node:crypto: P-256 signs ES256, RSA signs RS512. */
export function statementSigner(certificate: Buffer, key: KeyObject): StatementSigner {
  return key.asymmetricKeyType === 'ec'
    ? {
        certificate,
        algorithm: 'ES256',
        sign: (data) => sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }),
      }
    : { certificate, algorithm: 'RS512', sign: (data) => sign('sha512', data, key) }
}

/**
 * The statement inside a JWS that one of `certificates` (DER) signed. Throws `malformed_global_conf` for what is not a
 * statement, `invalid_global_conf_signature` for one that is not signed by them.
 */
export function verifyStatement(jws: string, certificates: Buffer[]): ConfigurationStatement {
  const [, header, payload, signature] = jws.length > MAX_LENGTH ? [] : (JWS.exec(jws) ?? [])
  if (header === undefined || payload === undefined || signature === undefined)
    throw malformed('it is not a JWS')
  const { algorithm, certificateHash } = readHeader(header)
  const der = certificates.find((candidate) => thumbprint(candidate) === certificateHash)
  if (der === undefined) throw refused('it was signed by a certificate that is not among the trusted ones')
  const key = publicKeyOf(readCertificate(der))
  if (!isSignedBy(key, algorithm, Buffer.from(`${header}.${payload}`), strictBase64Url(signature))) {
    throw refused('its signature does not fit its content')
  }
  return readPayload(payload)
}

function readHeader(segment: string): { algorithm: StatementAlgorithm; certificateHash: string } {
  const header = readJson(segment)
  const names = Object.keys(header).sort().join()
  const { alg, 'x5t#S256': hash } = header
  if (names !== 'alg,x5t#S256' || (alg !== 'ES256' && alg !== 'RS512') || typeof hash !== 'string') {
    throw malformed('its header is not alg (ES256 or RS512) and x5t#S256')
  }
  return { algorithm: alg, certificateHash: hash }
}

function isSignedBy(key: KeyObject, algorithm: StatementAlgorithm, data: Buffer, signature: Buffer): boolean {
  if (algorithm === 'RS512') return key.asymmetricKeyType === 'rsa' && verify('sha512', data, key, signature)
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false
  return verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature)
}

function readPayload(segment: string): ConfigurationStatement {
  const { instance, index, generatedAt, expireDate, parts, ...more } = readJson(segment)
  if (
    Object.keys(more).length > 0 ||
    typeof instance !== 'string' ||
    typeof index !== 'number' ||
    !Number.isSafeInteger(index) ||
    index < 0 ||
    !isTime(generatedAt) ||
    !isTime(expireDate)
  ) {
    throw malformed('its fields are not those of a statement')
  }
  return { instance, index, generatedAt, expireDate, parts: readParts(parts) }
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value))
}

function readParts(value: unknown): ConfigurationStatement['parts'] {
  if (!isObject(value) || Object.keys(value).length > MAX_PARTS) throw malformed('it lists no parts')
  const entries = Object.entries(value).map(
    ([name, part]): [string, { location: string; sha512: string }] => {
      if (!PART_NAME.test(name) || !isObject(part)) throw malformed('a part is malformed')
      const { location, sha512, ...more } = part
      if (Object.keys(more).length > 0 || typeof location !== 'string' || typeof sha512 !== 'string') {
        throw malformed('a part is malformed')
      }
      if (!SHA512_BASE64.test(sha512)) throw malformed('a hash is not SHA-512')
      return [name, { location, sha512 }]
    },
  )
  return Object.fromEntries(entries)
}

/** Only the canonical form is taken, so that one statement has one text. */
function readJson(segment: string): Record<string, unknown> {
  const text = strictBase64Url(segment).toString('utf8')
  const value = parseStatementJson(text)
  if (!isObject(value) || canonicalJson(value) !== text) throw malformed('it is not canonical JSON')
  return value
}

function parseStatementJson(text: string): unknown {
  try {
    return parseStrictJson(text)
  } catch (cause) {
    throw new Fault('malformed_global_conf', { what: 'statement: it is not JSON', cause })
  }
}

function strictBase64Url(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) throw malformed('it is not base64url')
  return bytes
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** RFC 7515 x5t#S256. */
function thumbprint(der: Buffer): string {
  return createHash('sha256').update(der).digest('base64url')
}

function malformed(what: string): Fault {
  return new Fault('malformed_global_conf', { what: `statement: ${what}` })
}

function refused(what: string): Fault {
  return new Fault('invalid_global_conf_signature', { what: `statement: ${what}` })
}
