/** Reads X.509 certificates strictly (RFC 5280 4.1). validate-path.ts decides whether to trust them. */
import { createHash } from 'node:crypto'
import {
  children,
  type Der,
  expectTag,
  malformed,
  onlyChild,
  parseDer,
  readBitString,
  readInteger,
  readOid,
  readSmallInteger,
  readTime,
  TAG,
} from '#core/asn1/der.ts'
import { Fault } from '#schemas/fault.ts'
import { type Extensions, NO_EXTENSIONS, readExtensions } from './extensions.ts'
import { type Name, readName } from './name.ts'

/** `parameters` is the raw DER of the parameters, if there are any. */
export type AlgorithmIdentifier = { oid: string; parameters: Buffer | undefined }

export type Certificate = {
  der: Buffer
  /** SHA-256 of `der`, lower-case hex. */
  sha256: string
  /** The signed bytes. */
  tbs: Buffer
  /** 1, 2 or 3. */
  version: number
  serialNumber: bigint
  signatureAlgorithm: AlgorithmIdentifier
  signature: Buffer
  issuer: Name
  subject: Name
  notBefore: Date
  notAfter: Date
  /** SubjectPublicKeyInfo, DER. */
  spki: Buffer
  extensions: Extensions
}

const MAX_CERTIFICATE = 64 * 1024
const MAX_SERIAL_BYTES = 20

/**
 * Reads one DER certificate; throws `malformed_certificate`. The result holds slices of its own copy of
 * `bytes`.
 */
export function parseCertificate(bytes: Buffer): Certificate {
  try {
    if (bytes.length > MAX_CERTIFICATE) throw malformed(`longer than ${MAX_CERTIFICATE} bytes`)
    // A copy: the caller's buffer may be part of a large message, or change.
    return read(parseDer(Buffer.from(bytes)))
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
    throw new Fault('malformed_certificate', { what: cause.what, cause })
  }
}

function read(der: Der): Certificate {
  const [tbs, outerAlgorithm, signature, ...more] = children(expectTag(der, TAG.sequence, 'certificate'))
  if (tbs === undefined || outerAlgorithm === undefined || more.length > 0) throw malformed('certificate')
  const fields = children(expectTag(tbs, TAG.sequence, 'signed part'))
  const version = fields[0]?.tag === 0xa0 ? readSmallInteger(onlyChild(fields.shift()!)) + 1 : 1
  const [serial, innerAlgorithm, issuer, validity, subject, spki, ...optional] = fields
  const [notBefore, notAfter, ...rest] = children(expectTag(validity, TAG.sequence, 'validity'))
  if (rest.length > 0) throw malformed('validity with too many fields')
  const { unused, bytes } = readBitString(signature)
  if (unused !== 0) throw malformed('signature with unused bits')
  // RFC 5280 4.1.1.2: the signed part names the algorithm; the unsigned copy must be equal.
  if (innerAlgorithm === undefined || !innerAlgorithm.raw.equals(outerAlgorithm.raw)) {
    throw malformed('two different signature algorithms')
  }
  const certificate: Certificate = {
    der: der.raw,
    sha256: createHash('sha256').update(der.raw).digest('hex'),
    tbs: tbs.raw,
    version,
    serialNumber: readSerial(serial),
    signatureAlgorithm: readAlgorithmIdentifier(outerAlgorithm),
    signature: bytes,
    issuer: readName(issuer),
    subject: readName(subject),
    notBefore: readTime(notBefore),
    notAfter: readTime(notAfter),
    spki: expectTag(spki, TAG.sequence, 'public key').raw,
    extensions: readOptional(version, optional),
  }
  if (certificate.issuer.rdns.length === 0) throw malformed('empty issuer')
  return certificate
}

/** AlgorithmIdentifier (RFC 5280 4.1.1.2). */
export function readAlgorithmIdentifier(der: Der): AlgorithmIdentifier {
  const [oid, parameters, ...more] = children(expectTag(der, TAG.sequence, 'algorithm'))
  if (more.length > 0) throw malformed('algorithm with too many fields')
  return { oid: readOid(oid), parameters: parameters?.raw }
}

/** RFC 5280 4.1.2.2: positive and at most 20 octets. */
function readSerial(der: Der | undefined): bigint {
  if (der !== undefined && der.content.length > MAX_SERIAL_BYTES) throw malformed('serial number too long')
  const serial = readInteger(der)
  if (serial <= 0n) throw malformed('serial number not positive')
  return serial
}

/** Unique identifiers (version 2 on, ignored) and extensions (version 3), in that order. */
function readOptional(version: number, fields: Der[]): Extensions {
  if (version > 3) throw malformed('unknown certificate version')
  for (const tag of [0x81, 0x82]) {
    if (fields[0]?.tag !== tag) continue
    if (version < 2) throw malformed('unique identifier in a version 1 certificate')
    readBitString(fields.shift(), tag)
  }
  const extensions = fields.shift()
  if (fields.length > 0) throw malformed('unknown field in a certificate')
  if (extensions === undefined) return NO_EXTENSIONS
  if (version !== 3) throw malformed('extensions in a certificate older than version 3')
  return readExtensions(onlyChild(expectTag(extensions, 0xa3, 'extensions')))
}
