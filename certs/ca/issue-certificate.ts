/**
 * Issues one certificate by a profile. @peculiar/x509 is loaded for the first certificate, so the services
 * start without it.
 */
import { createHash, type KeyObject, randomBytes } from 'node:crypto'
import type { JsonGeneralNames } from '@peculiar/x509'
import { children, parseDer, readBitString } from '#core/asn1/der.ts'
import { OID } from '#core/asn1/oids.ts'
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import type { KeyUsage } from '#core/certificate/extensions.ts'
import type { Profile } from '../profiles.ts'

type Library = typeof import('@peculiar/x509')

/** Attributes by name (C, O, OU, CN, serialNumber) or OID, in order. */
export type Subject = [attribute: string, value: string][]

type IssueQuestion = {
  /** DER of a Name, or a list of attributes. */
  subject: Buffer | Subject
  publicKey: KeyObject
  profile: Profile
  issuer: { name: Buffer | Subject; publicKey: KeyObject; privateKey: KeyObject }
  notBefore: Date
  notAfter: Date
  /** The value of the extension, if the request asked for one. */
  subjectAltName?: Buffer | undefined
  dnsName?: string | undefined
  ocspUrl?: string | undefined
}

export async function issueCertificate(q: IssueQuestion): Promise<Certificate> {
  const x509 = await loadLibrary()
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: nameOf(x509, q.subject),
    issuer: nameOf(x509, q.issuer.name),
    notBefore: wholeSecond(q.notBefore),
    notAfter: wholeSecond(q.notAfter),
    publicKey: new x509.PublicKey(spkiOf(q.publicKey)),
    signingKey: cryptoKeyOf(q.issuer.privateKey),
    signingAlgorithm: algorithmOf(q.issuer.privateKey),
    extensions: extensionsOf(x509, q),
  })
  return parseCertificate(Buffer.from(certificate.rawData))
}

async function loadLibrary(): Promise<Library> {
  // The library's container needs the Reflect metadata API to be loaded before it.
  await import('reflect-metadata')
  return import('@peculiar/x509')
}

/** 16 random bytes, positive and without a leading zero (RFC 5280 4.1.2.2). */
function newSerialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return bytes.toString('hex')
}

function nameOf(x509: Library, name: Buffer | Subject): InstanceType<Library['Name']> {
  if (Buffer.isBuffer(name)) return new x509.Name(new Uint8Array(name))
  return new x509.Name(
    name.map(([type, value]) => ({ [type === 'serialNumber' ? OID.serialNumber : type]: [value] })),
  )
}

/** Other DER readers refuse times with milliseconds. */
function wholeSecond(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000)
}

function spkiOf(key: KeyObject): Uint8Array<ArrayBuffer> {
  return new Uint8Array(key.export({ format: 'der', type: 'spki' }))
}

function algorithmOf(key: KeyObject): { name: string; hash: string; namedCurve?: string } {
  return key.asymmetricKeyType === 'ec'
    ? { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
    : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
}

function cryptoKeyOf(key: KeyObject): CryptoKey {
  return key.toCryptoKey(algorithmOf(key), false, ['sign'])
}

function keyIdentifier(key: KeyObject): string {
  const { bytes } = readBitString(children(parseDer(Buffer.from(spkiOf(key))))[1])
  return createHash('sha1').update(bytes).digest('hex')
}

function extensionsOf(x509: Library, q: IssueQuestion): InstanceType<Library['Extension']>[] {
  const { profile } = q
  const isCa = profile.pathLength !== undefined
  return [
    new x509.BasicConstraintsExtension(isCa, profile.pathLength, true),
    new x509.KeyUsagesExtension(usageFlags(x509, profile.keyUsage), true),
    new x509.SubjectKeyIdentifierExtension(keyIdentifier(q.publicKey)),
    new x509.AuthorityKeyIdentifierExtension(keyIdentifier(q.issuer.publicKey)),
    ...(profile.extendedKeyUsage.length === 0
      ? []
      : [new x509.ExtendedKeyUsageExtension(profile.extendedKeyUsage, profile.extendedKeyUsageCritical)]),
    ...(profile.ocspNoCheck ? [new x509.Extension(OID.ocspNoCheck, false, Uint8Array.of(5, 0))] : []),
    ...subjectAltNames(x509, q),
    ...(q.ocspUrl === undefined || isCa
      ? []
      : [new x509.AuthorityInfoAccessExtension({ ocsp: [q.ocspUrl] })]),
  ]
}

function subjectAltNames(x509: Library, q: IssueQuestion): InstanceType<Library['Extension']>[] {
  if (q.subjectAltName !== undefined) {
    return [new x509.Extension(OID.subjectAltName, false, new Uint8Array(q.subjectAltName))]
  }
  if (q.dnsName === undefined) return []
  const names: JsonGeneralNames = [{ type: 'dns', value: q.dnsName }]
  return [new x509.SubjectAlternativeNameExtension(names)]
}

function usageFlags(x509: Library, usages: readonly KeyUsage[]): number {
  const named: Record<KeyUsage, number> = {
    digitalSignature: x509.KeyUsageFlags.digitalSignature,
    nonRepudiation: x509.KeyUsageFlags.nonRepudiation,
    keyEncipherment: x509.KeyUsageFlags.keyEncipherment,
    dataEncipherment: x509.KeyUsageFlags.dataEncipherment,
    keyAgreement: x509.KeyUsageFlags.keyAgreement,
    keyCertSign: x509.KeyUsageFlags.keyCertSign,
    cRLSign: x509.KeyUsageFlags.cRLSign,
    encipherOnly: x509.KeyUsageFlags.encipherOnly,
    decipherOnly: x509.KeyUsageFlags.decipherOnly,
  }
  return usages.reduce((flags, usage) => flags | named[usage], 0)
}
