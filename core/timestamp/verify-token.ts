/**
 * Decides whether a time-stamp token proves that a digest existed at a time: signed by an authority that the
 * configuration names, over this imprint (RFC 3161 section 2.4.2, RFC 5652 5.6). Anything else throws.
 *
 * In CMS the signature does not cover the certificates and revocation lists in the token, nor unsigned
 * attributes. A changed byte there changes no verdict, with one exception: a certificate that claims to be
 * the signer's must equal the configured one.
 */
import { readOctetString, readOid } from '#core/asn1/der.ts'
import { OID } from '#core/asn1/oids.ts'
import {
  type AlgorithmIdentifier,
  type Certificate,
  isSignedBy,
  parseCertificate,
  publicKeyOf,
} from '#core/certificate/certificate.ts'
import { isStrongKey, strongUntil } from '#core/certificate/key-strength.ts'
import { Fault } from '#schemas/fault.ts'
import type { DigestName } from '#schemas/wire.ts'
import { digestOf, isStrongDigest } from './digest.ts'
import { checkSigningCertificate } from './ess-certificate.ts'
import { asTimeStampFault, invalidTimeStamp } from './faults.ts'
import { readSignedData, type SignedData } from './signed-data.ts'
import { readTstInfo, type TstInfo } from './tst-info.ts'

export type TimeStamp = {
  time: Date
  /**
   * The latest time that the token's accuracy allows (RFC 3161 2.4.2): the stamped data is judged at this
   * time.
   */
  latest: Date
  certificate: Certificate
  serialNumber: bigint
  policy: string
  nonce: bigint | undefined
  /** The digests on which the token depends: that of its imprint, then that of its signature. */
  digests: DigestName[]
  /**
   * Set if the key counted at `time` but no longer counts: until when it counted. Whoever breaks such a key
   * today can write any earlier time, so the token proves that time only to a verifier who knows that the
   * token is older than this.
   */
  keyCountedUntil?: Date
}

export type TimeStampQuestion = {
  token: Buffer
  /** The stamped data, or `imprint`: exactly one of the two. */
  data?: Buffer
  imprint?: Buffer
  /** Certificates of the approved authorities, from the configuration. */
  tsaCertificates: Certificate[]
  /**
   * Whether the authority's certificate must be for time-stamping only (RFC 3161 2.3). X-Road does not
   * require it; false judges as X-Road does.
   */
  requireTimeStampingUsage?: boolean
  /**
   * 'of-today' by default. 'of-its-time' also accepts tokens whose key counted when they were made. Only for
   * a verifier of old evidence, which must report `keyCountedUntil`; never for a new time-stamp.
   */
  keys?: 'of-today' | 'of-its-time'
  /** If set, the token must contain it. */
  nonce?: bigint
}

/**
 * ETSI EN 319 422 5.2.2 requires an accuracy of one second. Above one minute we do not accept the token as
 * proof of a time.
 */
const MAX_ACCURACY_MS = 60_000

/**
 * Throws `malformed_timestamp` for a token that cannot be read, `timestamp_invalid` for one that proves
 * nothing.
 */
export function verifyTimeStampToken(q: TimeStampQuestion): TimeStamp {
  const signed = asTimeStampFault('token', () => readSignedData(q.token))
  if (signed.contentType !== OID.tstInfo) throw invalidTimeStamp('it is no time-stamp')
  const info = asTimeStampFault('TSTInfo', () => readTstInfo(signed.content))
  const certificate = findSigner(signed, q.tsaCertificates)
  const latest = latestOf(info)
  checkCertificate(certificate, info.time, q.requireTimeStampingUsage ?? true)
  const keyCountedUntil = q.keys === 'of-its-time' ? pastKey(certificate, latest) : undefined
  checkSignature(signed, certificate, keyCountedUntil !== undefined)
  checkImprint(info, q)
  if (q.nonce !== undefined && info.nonce !== q.nonce) throw invalidTimeStamp('it does not carry our nonce')
  const { time, serialNumber, policy, nonce } = info
  const digests = [info.digest, signed.signer.digest]
  const stamp: TimeStamp = { time, latest, certificate, serialNumber, policy, nonce, digests }
  return keyCountedUntil === undefined ? stamp : { ...stamp, keyCountedUntil }
}

/**
 * Without an accuracy in the token the time is taken as exact; the authority's policy must state it (RFC 3161
 * 2.4.2).
 */
function latestOf({ time, accuracy = 0 }: TstInfo): Date {
  const openMs = Math.ceil(accuracy / 1000)
  if (openMs > MAX_ACCURACY_MS)
    throw invalidTimeStamp(`its time is exact to ${Math.ceil(openMs / 1000)} seconds only`)
  return new Date(time.getTime() + openMs)
}

/** Until when the authority's key counted; undefined if it still counts, or no longer counted at `time`. */
function pastKey(certificate: Certificate, time: Date): Date | undefined {
  const until = strongUntil(publicKeyOf(certificate))
  return until !== undefined && time <= until ? until : undefined
}

function findSigner(signed: SignedData, configured: Certificate[]): Certificate {
  const { id } = signed.signer
  const isNamed = (certificate: Certificate): boolean =>
    'issuer' in id
      ? id.serialNumber === certificate.serialNumber && id.issuer.equals(certificate.issuer.der)
      : certificate.extensions.subjectKeyIdentifier?.equals(id.subjectKeyIdentifier) === true
  const signer = configured.find(isNamed)
  if (signer === undefined) throw invalidTimeStamp('its authority is not in the configuration')
  for (const bytes of signed.certificates) {
    if (bytes.equals(signer.der)) continue
    const other = readable(bytes)
    if (other !== undefined && isNamed(other)) {
      throw invalidTimeStamp("the authority's certificate in it differs from the configured one")
    }
  }
  return signer
}

/**
 * Certificates in the token have no effect on the verdict, so an unreadable one is no reason to refuse the
 * token.
 */
function readable(bytes: Buffer): Certificate | undefined {
  try {
    return parseCertificate(bytes)
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined
    throw thrown
  }
}

function checkCertificate(certificate: Certificate, time: Date, requireUsage: boolean): void {
  if (time < certificate.notBefore || time > certificate.notAfter) {
    throw invalidTimeStamp("its time lies outside the validity of the authority's certificate")
  }
  if (!requireUsage) return
  const { extendedKeyUsage, extendedKeyUsageCritical } = certificate.extensions
  const sole = extendedKeyUsage?.length === 1 && extendedKeyUsage[0] === OID.timeStamping
  if (!sole || !extendedKeyUsageCritical) {
    throw invalidTimeStamp("the authority's certificate is not for time-stamping alone")
  }
}

function checkSignature(signed: SignedData, certificate: Certificate, isPastKey: boolean): void {
  const { signer } = signed
  if (!isStrongDigest(signer.digest)) throw invalidTimeStamp('its digest is too weak')
  asTimeStampFault('signed attributes', () => checkSignedAttributes(signed, certificate))
  const { signedBytes: tbs, signature } = signer
  const counts = isPastKey ? () => true : isStrongKey
  if (!counts(publicKeyOf(certificate))) throw invalidTimeStamp("its authority's key is too weak")
  if (!isSignedBy({ tbs, signatureAlgorithm: wholeAlgorithm(signer), signature }, certificate, counts)) {
    throw invalidTimeStamp('its signature does not verify')
  }
}

const RSA_WITH = new Map<DigestName, string>([
  ['SHA-256', OID.sha256WithRSAEncryption],
  ['SHA-384', OID.sha384WithRSAEncryption],
  ['SHA-512', OID.sha512WithRSAEncryption],
])

/** CMS may name only the key type ('rsaEncryption') and the digest separately (RFC 3370 3.2). */
function wholeAlgorithm({ signatureAlgorithm, digest }: SignedData['signer']): AlgorithmIdentifier {
  const oid = RSA_WITH.get(digest)
  if (signatureAlgorithm.oid !== OID.rsaEncryption || oid === undefined) return signatureAlgorithm
  return { oid, parameters: signatureAlgorithm.parameters }
}

function checkSignedAttributes(signed: SignedData, certificate: Certificate): void {
  const { attributes, digest } = signed.signer
  if (readOid(attributes.get(OID.contentType)) !== OID.tstInfo)
    throw invalidTimeStamp('its signed content type is another')
  const messageDigest = readOctetString(attributes.get(OID.messageDigest))
  if (!messageDigest.equals(digestOf(digest, signed.content))) {
    throw invalidTimeStamp('its signed digest is not that of its content')
  }
  checkSigningCertificate(attributes, certificate)
}

function checkImprint(info: TstInfo, q: TimeStampQuestion): void {
  if (!isStrongDigest(info.digest)) throw invalidTimeStamp('its imprint is too weak')
  const imprint = q.imprint ?? (q.data && digestOf(info.digest, q.data))
  if (imprint === undefined) throw new TypeError('neither data nor imprint')
  if (!imprint.equals(info.imprint)) throw invalidTimeStamp('it is over something else')
}
