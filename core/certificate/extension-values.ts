/**
 * Reads the extensions about the use of a certificate and its key, and about their owner (RFC 5280 4.2.1,
 * 4.2.2).
 */
import {
  children,
  type Der,
  expectTag,
  malformed,
  readBitString,
  readBoolean,
  readInteger,
  readOctetString,
  readOid,
  readSmallInteger,
  TAG,
} from '#core/asn1/der.ts'
import { OID } from '#core/asn1/oids.ts'
import { type GeneralName, readGeneralName, readGeneralNames } from './general-name.ts'

export type BasicConstraints = { ca: boolean; pathLength: number | undefined }

export type AuthorityKeyIdentifier = {
  keyIdentifier: Buffer | undefined
  issuer: GeneralName[] | undefined
  serialNumber: bigint | undefined
}

const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const

export type KeyUsage = (typeof KEY_USAGES)[number]

export function readBasicConstraints(der: Der): BasicConstraints {
  const fields = children(expectTag(der, TAG.sequence, 'basicConstraints'))
  // FALSE written out is tolerated, as for the critical flag.
  const ca = fields[0]?.tag === TAG.boolean && readBoolean(fields.shift())
  const pathLength = fields.length > 0 ? readSmallInteger(fields.shift()) : undefined
  if (fields.length > 0) throw malformed('basicConstraints with too many fields')
  if (!ca && pathLength !== undefined) throw malformed('pathLenConstraint without cA')
  return { ca, pathLength }
}

export function readKeyUsage(der: Der): Set<KeyUsage> {
  const { bytes } = readBitString(der)
  const usages = KEY_USAGES.filter((_, bit) => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0)
  // RFC 5280 4.2.1.3: at least one bit must be set; two octets hold all defined bits.
  if (usages.length === 0 || bytes.length > 2) throw malformed('keyUsage without a known usage')
  return new Set(usages)
}

export function readExtendedKeyUsage(der: Der): string[] {
  const purposes = children(expectTag(der, TAG.sequence, 'extendedKeyUsage')).map((purpose) =>
    readOid(purpose),
  )
  if (purposes.length === 0) throw malformed('extendedKeyUsage without a purpose')
  return purposes
}

export function readSubjectKeyIdentifier(der: Der): Buffer {
  return readOctetString(der)
}

export function readAuthorityKeyIdentifier(der: Der): AuthorityKeyIdentifier {
  const fields = children(expectTag(der, TAG.sequence, 'authorityKeyIdentifier'))
  const take = (tag: number): Der | undefined => (fields[0]?.tag === tag ? fields.shift() : undefined)
  const [keyIdentifier, issuer, serialNumber] = [take(0x80), take(0xa1), take(0x82)]
  if (fields.length > 0) throw malformed('authorityKeyIdentifier with an unknown field')
  return {
    keyIdentifier: keyIdentifier?.content,
    issuer: issuer && readGeneralNames(issuer),
    serialNumber: serialNumber && readInteger(serialNumber, 0x82),
  }
}

export function readSubjectAltNames(der: Der): GeneralName[] {
  return readGeneralNames(expectTag(der, TAG.sequence, 'subjectAltName'))
}

export function readOcspUrls(der: Der): string[] {
  const descriptions = children(expectTag(der, TAG.sequence, 'authorityInfoAccess')).map((description) => {
    const [method, location, ...more] = children(expectTag(description, TAG.sequence, 'access description'))
    if (location === undefined || more.length > 0) throw malformed('access description')
    return { method: readOid(method), location: readGeneralName(location) }
  })
  return descriptions.flatMap(({ method, location }) =>
    method === OID.ocsp && location.kind === 'uniformResourceIdentifier' ? [location.text] : [],
  )
}
