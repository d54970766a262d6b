/**
 * Certificate revocation lists (RFC 5280 section 5, 6.3): complete ones, signed by the certificate's issuer
 * or an authority of its name on the path. Any other list (indirect, delta, by reason, or with unknown
 * critical extensions) is unusable. Without a usable list a certificate counts as revoked. The product asks
 * OCSP; the tests need this module for published path suites.
 */
import {
  children,
  type Der,
  expectTag,
  malformed,
  onlyChild,
  parseDer,
  readBitString,
  readInteger,
  readSmallInteger,
  readTime,
  TAG,
} from '#core/asn1/der.ts'
import { OID } from '#core/asn1/oids.ts'
import { Fault } from '#schemas/fault.ts'
import {
  type AlgorithmIdentifier,
  type Certificate,
  isSignedBy,
  readAlgorithmIdentifier,
} from './certificate.ts'
import { coversCertificate } from './crl-scope-fixture.ts'
import { type Extension, readExtensionList } from './extensions.ts'
import { type Name, readName, sameName } from './name.ts'
import type { RevocationCheck } from './validate-path.ts'

export type Crl = {
  tbs: Buffer
  signatureAlgorithm: AlgorithmIdentifier
  signature: Buffer
  issuer: Name
  thisUpdate: Date
  nextUpdate: Date | undefined
  revoked: ReadonlySet<bigint>
  extensions: ReadonlyMap<string, Extension>
  /** Whether an entry has a critical extension (another issuer's certificate, say). None is known here. */
  hasCriticalEntry: boolean
}

/** Reads one DER CRL; throws `malformed_der`. */
export function parseCrl(bytes: Buffer): Crl {
  const [tbs, outer, signature, ...more] = children(expectTag(parseDer(bytes), TAG.sequence, 'CRL'))
  if (tbs === undefined || outer === undefined || more.length > 0) throw malformed('CRL')
  const fields = children(expectTag(tbs, TAG.sequence, 'signed part'))
  const take = (...tags: number[]): Der | undefined =>
    tags.includes(fields[0]?.tag ?? -1) ? fields.shift() : undefined
  const version = take(TAG.integer)
  if (version !== undefined && readSmallInteger(version) !== 1) throw malformed('CRL of unknown version')
  if (fields.shift()?.raw.equals(outer.raw) !== true) throw malformed('two different signature algorithms')
  const issuer = readName(fields.shift())
  const thisUpdate = readTime(fields.shift())
  const nextUpdate = take(TAG.utcTime, TAG.generalizedTime)
  const entries = children(take(TAG.sequence) ?? NO_ENTRIES).map(readEntry)
  const extensions = take(0xa0)
  const { unused, bytes: value } = readBitString(signature)
  if (fields.length > 0 || unused !== 0) throw malformed('CRL')
  return {
    tbs: tbs.raw,
    signatureAlgorithm: readAlgorithmIdentifier(outer),
    signature: value,
    issuer,
    thisUpdate,
    nextUpdate: nextUpdate && readTime(nextUpdate),
    revoked: new Set(entries.map(({ serialNumber }) => serialNumber)),
    extensions: extensions === undefined ? new Map() : readExtensionList(onlyChild(extensions)),
    hasCriticalEntry: entries.some(({ critical }) => critical),
  }
}

const NO_ENTRIES: Der = { tag: TAG.sequence, content: Buffer.alloc(0), raw: Buffer.alloc(0) }

function readEntry(der: Der): { serialNumber: bigint; critical: boolean } {
  const [serial, date, extensions, ...more] = children(expectTag(der, TAG.sequence, 'CRL entry'))
  if (more.length > 0) throw malformed('CRL entry with too many fields')
  readTime(date)
  const all = extensions === undefined ? [] : [...readExtensionList(extensions).values()]
  return { serialNumber: readInteger(serial), critical: all.some(({ critical }) => critical) }
}

/**
 * A `checkRevocation` for validatePath: throws `incorrect_validation_info` unless a usable list shows that
 * the certificate is not revoked.
 */
export function revocationByCrl(crls: Crl[], at: Date): RevocationCheck {
  return (certificate, issuer, authorities) => {
    // After a change of keys an authority is on the path twice, and either key may sign its list.
    const signers = authorities.filter(({ subject }) => sameName(subject, issuer.subject))
    const usable = crls.filter(
      (crl) => isUsable(crl, certificate, at) && signers.some((signer) => isMadeBy(crl, signer)),
    )
    if (usable.length === 0) {
      throw new Fault('incorrect_validation_info', { what: 'no usable revocation list' })
    }
    if (usable.some(({ revoked }) => revoked.has(certificate.serialNumber))) {
      throw new Fault('incorrect_validation_info', { what: 'the certificate is revoked' })
    }
  }
}

function isUsable(crl: Crl, certificate: Certificate, at: Date): boolean {
  const critical = [...crl.extensions.values()].filter((extension) => extension.critical)
  return (
    at >= crl.thisUpdate &&
    crl.nextUpdate !== undefined &&
    at <= crl.nextUpdate &&
    !crl.hasCriticalEntry &&
    // Delta lists may revoke further certificates, so a list that points to deltas is unusable.
    !crl.extensions.has(OID.freshestCRL) &&
    !certificate.extensions.all.has(OID.freshestCRL) &&
    critical.every(({ oid }) => oid === OID.issuingDistributionPoint) &&
    coversCertificate(crl.extensions.get(OID.issuingDistributionPoint), certificate)
  )
}

function isMadeBy(crl: Crl, signer: Certificate): boolean {
  const { keyUsage } = signer.extensions
  const maySign = keyUsage === undefined || keyUsage.has('cRLSign')
  return maySign && sameName(crl.issuer, signer.subject) && isSignedBy(crl, signer)
}
