/**
 * Documents that the registry signs in addition to X-Road's configuration: compact JWS (RFC 7515) over RFC
 * 8785 JSON, signed with the key that signs the directory. The type in the header prevents one kind of
 * document from being accepted as another.
 */
import { isUtf8 } from 'node:buffer'
import { createHash, type KeyObject, sign, verify } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { publicKeyOf, readCertificate } from '#core/certificate/certificate.ts'
import { isLocal, publicHalf, type SigningKey, signWith } from '#core/signature/signing-key.ts'
import { Fault } from '#schemas/fault.ts'

type DocumentAlgorithm = 'ES256' | 'RS512'

export type DocumentSigner = {
  /** DER of the certificate that belongs to the key. */
  certificate: Buffer
  algorithm: DocumentAlgorithm
  /** ES256: raw r||s over SHA-256; RS512: PKCS#1 v1.5 over SHA-512. */
  sign(data: Buffer): Buffer
}

/** A signer whose key may be on a token. */
export type RemoteDocumentSigner = Omit<DocumentSigner, 'sign'> & { sign(data: Buffer): Promise<Buffer> }

/**
 * A kind of document: its name in faults, its `typ` (undefined only for the statement, the first kind) and
 * its maximum length.
 */
export type DocumentKind = { name: string; type?: string | undefined; maxLength: number }

const JWS = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/

/** A signer that holds a private key of node:crypto: P-256 signs ES256, RSA signs RS512. */
export function documentSigner(certificate: Buffer, key: KeyObject): DocumentSigner {
  return key.asymmetricKeyType === 'ec'
    ? {
        certificate,
        algorithm: 'ES256',
        sign: (data) => sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }),
      }
    : { certificate, algorithm: 'RS512', sign: (data) => sign('sha512', data, key) }
}

/** As `documentSigner`, for a key that may be in memory or on a token. */
export function documentSignerOf(certificate: Buffer, key: SigningKey): RemoteDocumentSigner {
  if (isLocal(key)) {
    const { algorithm, sign: signNow } = documentSigner(certificate, key)
    return { certificate, algorithm, sign: async (data) => signNow(data) }
  }
  return publicHalf(key).asymmetricKeyType === 'ec'
    ? {
        certificate,
        algorithm: 'ES256',
        sign: (data) => signWith(key, { digest: 'sha256', kind: 'ecdsa' }, data),
      }
    : {
        certificate,
        algorithm: 'RS512',
        sign: (data) => signWith(key, { digest: 'sha512', kind: 'rsa' }, data),
      }
}

/** Signs `payload` as a JWS; the signer's key may be on a token. */
export async function signDocument(
  payload: object,
  signer: RemoteDocumentSigner,
  kind: DocumentKind,
): Promise<string> {
  const signed = signedPart(payload, signer, kind)
  return `${signed}.${(await signer.sign(Buffer.from(signed))).toString('base64url')}`
}

/** Header and payload of a JWS: the part that its signature covers. */
export function signedPart(
  payload: object,
  signer: Pick<DocumentSigner, 'algorithm' | 'certificate'>,
  kind: DocumentKind,
): string {
  const header = { alg: signer.algorithm, typ: kind.type, 'x5t#S256': thumbprint(signer.certificate) }
  return [header, payload].map((part) => Buffer.from(canonicalJson(part)).toString('base64url')).join('.')
}

/**
 * The payload of a JWS that one of `certificates` (DER) signed. Throws `malformed_global_conf` if it is not a
 * document of this kind, `invalid_global_conf_signature` if none of them signed it.
 */
export function openDocument(
  jws: string,
  certificates: Buffer[],
  kind: DocumentKind,
): Record<string, unknown> {
  const [, header, payload, signature] = jws.length > kind.maxLength ? [] : (JWS.exec(jws) ?? [])
  if (header === undefined || payload === undefined || signature === undefined)
    throw malformed(kind, 'it is not a JWS')
  const { algorithm, certificateHash } = readHeader(header, kind)
  const der = certificates.find((candidate) => thumbprint(candidate) === certificateHash)
  if (der === undefined)
    throw refused(kind, 'it was signed by a certificate that is not among the trusted ones')
  const key = publicKeyOf(readCertificate(der))
  const value = strictBase64Url(signature, kind)
  if (!isSignedBy(key, algorithm, Buffer.from(`${header}.${payload}`), value))
    throw refused(kind, 'its signature does not fit its content')
  return readJson(payload, kind)
}

function readHeader(
  segment: string,
  kind: DocumentKind,
): { algorithm: DocumentAlgorithm; certificateHash: string } {
  const { alg, typ, 'x5t#S256': hash, ...more } = readJson(segment, kind)
  if (
    Object.keys(more).length > 0 ||
    typ !== kind.type ||
    (alg !== 'ES256' && alg !== 'RS512') ||
    typeof hash !== 'string'
  ) {
    const type = kind.type === undefined ? '' : `, typ (${kind.type})`
    throw malformed(kind, `its header is not alg (ES256 or RS512)${type} and x5t#S256`)
  }
  return { algorithm: alg, certificateHash: hash }
}

function isSignedBy(key: KeyObject, algorithm: DocumentAlgorithm, data: Buffer, signature: Buffer): boolean {
  if (algorithm === 'RS512') return key.asymmetricKeyType === 'rsa' && verify('sha512', data, key, signature)
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false
  return verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature)
}

/** Accepts the canonical form only, so that a document has exactly one text. */
function readJson(segment: string, kind: DocumentKind): Record<string, unknown> {
  const bytes = strictBase64Url(segment, kind)
  // Bytes that are not UTF-8 would decode to U+FFFD and could then pass for the canonical text of another
  // document.
  if (!isUtf8(bytes)) throw malformed(kind, 'it is not UTF-8')
  const text = bytes.toString('utf8')
  let value: unknown
  try {
    value = parseStrictJson(text)
  } catch (cause) {
    throw new Fault('malformed_global_conf', { what: `${kind.name}: it is not JSON`, cause })
  }
  if (!isObject(value) || canonicalJson(value) !== text) throw malformed(kind, 'it is not canonical JSON')
  return value
}

function strictBase64Url(text: string, kind: DocumentKind): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) throw malformed(kind, 'it is not base64url')
  return bytes
}

/** Whether `value` is a time in ISO form, in UTC. */
export function isTime(value: unknown): value is string {
  return typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value))
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The thumbprint x5t#S256 of RFC 7515. */
function thumbprint(der: Buffer): string {
  return createHash('sha256').update(der).digest('base64url')
}

export function malformed(kind: Pick<DocumentKind, 'name'>, what: string): Fault {
  return new Fault('malformed_global_conf', { what: `${kind.name}: ${what}` })
}

function refused(kind: DocumentKind, what: string): Fault {
  return new Fault('invalid_global_conf_signature', { what: `${kind.name}: ${what}` })
}
