/**
 * Reads the accepted subset of xades:QualifyingProperties (XAdES 1.3.2; SigningCertificateV2 of EN 319
 * 132-1).
 */

import { say } from '#schemas/said.ts'
import type { DataReference } from './checked-signature.ts'
import {
  algorithmOf,
  attributeOf,
  base64Of,
  type ElementReader,
  isNamed,
  readElement,
  refuse,
  textOf,
} from './element-reader.ts'
import { readDigest } from './read-digest.ts'
import { LIMIT } from './template.ts'
import type { SignatureElement } from './xml-document.ts'

type CertificateDigest = Pick<DataReference, 'digest' | 'value'>

export type QualifyingProperties = {
  target: string
  signedProperties: SignatureElement
  signingTime: Date | undefined
  /** The signer's certificate as identified in the signed properties. */
  signingCertificate: CertificateDigest & { serialNumber: bigint | undefined }
  /** Id and DER of each embedded certificate. */
  certificates: { id: string | undefined; der: Buffer }[]
  /** xades:CompleteCertificateRefs: the expected digests of the embedded certificates. */
  certificateReferences: (CertificateDigest & { uri: string })[]
  ocspResponses: Buffer[]
  timeStampToken: Buffer | undefined
}

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

/** Reads the structure; throws `malformed_signature` for any other. */
export function readQualifyingProperties(element: SignatureElement): QualifyingProperties {
  const reader = readElement(element, ['Target', 'Id'])
  const signedProperties = reader.one('xades:SignedProperties')
  const unsigned = reader.maybe('xades:UnsignedProperties')
  reader.end()
  return {
    target: attributeOf(element, 'Target'),
    signedProperties,
    ...readSignedProperties(signedProperties),
    ...readUnsignedProperties(unsigned),
  }
}

function readSignedProperties(element: SignatureElement) {
  const reader = readElement(element, ['Id'])
  const properties = readElement(reader.one('xades:SignedSignatureProperties'), ['Id'])
  const time = properties.maybe('xades:SigningTime')
  const first = properties.maybe('xades:SigningCertificate')
  const signingCertificate =
    first === undefined
      ? readSigningCertificate(properties.one('xades:SigningCertificateV2'), 'xades:IssuerSerialV2')
      : readSigningCertificate(first, 'xades:IssuerSerial')
  const policy = properties.maybe('xades:SignaturePolicyIdentifier')
  if (policy !== undefined) readPolicy(policy)
  properties.end()
  const objects = reader.maybe('xades:SignedDataObjectProperties')
  if (objects !== undefined) readDataObjects(objects)
  reader.end()
  return { signingTime: time && dateTimeOf(time), signingCertificate }
}

function dateTimeOf(element: SignatureElement): Date {
  const text = textOf(element)
  const time = new Date(text)
  if (!DATE_TIME.test(text) || Number.isNaN(time.getTime()))
    throw refuse(element, say`it is no time with a zone`)
  return time
}

function readSigningCertificate(
  element: SignatureElement,
  serialName: 'xades:IssuerSerial' | 'xades:IssuerSerialV2',
): QualifyingProperties['signingCertificate'] {
  const reader = readElement(element)
  const certificate = readElement(reader.one('xades:Cert'), ['URI'])
  reader.end()
  return readCertificateReference(certificate, serialName)
}

function readCertificateReference(
  reader: ElementReader,
  serialName: 'xades:IssuerSerial' | 'xades:IssuerSerialV2',
): QualifyingProperties['signingCertificate'] {
  const digestReader = readElement(reader.one('xades:CertDigest'))
  const digest = readDigest(digestReader)
  digestReader.end()
  const serial = reader.maybe(serialName)
  reader.end()
  if (serial === undefined || serialName === 'xades:IssuerSerialV2') {
    // The digest identifies the certificate. Of IssuerSerialV2 only the base64 is checked, not the DER.
    if (serial !== undefined) base64Of(serial)
    return { ...digest, serialNumber: undefined }
  }
  const names = readElement(serial)
  textOf(names.one('ds:X509IssuerName'))
  const number = names.one('ds:X509SerialNumber')
  const text = textOf(number).trim()
  names.end()
  if (!/^-?\d{1,60}$/.test(text)) throw refuse(number, say`it is no serial number`)
  return { ...digest, serialNumber: BigInt(text) }
}

/** The policy is signed, and its structure is checked; its content is not evaluated. */
function readPolicy(element: SignatureElement): void {
  const reader = readElement(element)
  const implied = reader.maybe('xades:SignaturePolicyImplied')
  if (implied !== undefined) {
    readElement(implied).end()
    reader.end()
    return
  }
  const policy = readElement(reader.one('xades:SignaturePolicyId'))
  reader.end()
  const id = readElement(policy.one('xades:SigPolicyId'))
  textOf(id.one('xades:Identifier'), ['Qualifier'])
  const description = id.maybe('xades:Description')
  if (description !== undefined) textOf(description)
  id.end()
  const hash = readElement(policy.one('xades:SigPolicyHash'))
  algorithmOf(hash.one('ds:DigestMethod'))
  base64Of(hash.one('ds:DigestValue'))
  hash.end()
  const qualifiers = policy.maybe('xades:SigPolicyQualifiers')
  policy.end()
  if (qualifiers === undefined) return
  const qualifier = readElement(qualifiers)
  const uri = readElement(qualifier.one('xades:SigPolicyQualifier'))
  textOf(uri.one('xades:SPURI'))
  uri.end()
  qualifier.end()
}

/** Media types have no effect here; older X-Road files point to references without an Id. */
function readDataObjects(element: SignatureElement): void {
  const reader = readElement(element, ['Id'])
  const formats = reader.many('xades:DataObjectFormat', LIMIT.references)
  reader.end()
  for (const format of formats) {
    const fields = readElement(format, ['ObjectReference'])
    for (const name of ['xades:Description', 'xades:MimeType', 'xades:Encoding'] as const) {
      const field = fields.maybe(name)
      if (field !== undefined) textOf(field)
    }
    fields.end()
  }
}

type Unsigned = Pick<
  QualifyingProperties,
  'certificates' | 'certificateReferences' | 'ocspResponses' | 'timeStampToken'
>

/** Each property at most once, in any order: no digest covers them, and other software may reorder them. */
function readUnsignedProperties(element: SignatureElement | undefined): Unsigned {
  const read: Unsigned = {
    certificates: [],
    certificateReferences: [],
    ocspResponses: [],
    timeStampToken: undefined,
  }
  if (element === undefined) return read
  const outer = readElement(element, ['Id'])
  const properties = outer.one('xades:UnsignedSignatureProperties')
  outer.end()
  readElement(properties, ['Id'])
  const seen = new Set<string>()
  for (const child of properties.children) {
    if (seen.has(child.name)) throw refuse(properties, say`an element stands twice in it: ${child.name}`)
    seen.add(child.name)
    if (isNamed(child, 'xades:SignatureTimeStamp')) read.timeStampToken = readTimeStamp(child)
    else if (isNamed(child, 'xades:CompleteCertificateRefs')) {
      read.certificateReferences = readCertificateReferences(child)
    } else if (isNamed(child, 'xades:CertificateValues')) {
      read.certificates = readValues(child, 'xades:EncapsulatedX509Certificate', LIMIT.certificates)
    } else if (isNamed(child, 'xades:RevocationValues')) {
      const values = readElement(child, ['Id'])
      const ocsp = values.one('xades:OCSPValues')
      values.end()
      read.ocspResponses = readValues(ocsp, 'xades:EncapsulatedOCSPValue', LIMIT.ocspResponses).map(
        ({ der }) => der,
      )
      // The schema requires at least one; without one nothing could prove that the certificate was good.
      if (read.ocspResponses.length === 0) throw refuse(ocsp, say`it holds no OCSP answer`)
    } else throw refuse(properties, say`an element is not expected in it: ${child.name.slice(0, 40)}`)
  }
  return read
}

function readValues(
  element: SignatureElement,
  name: 'xades:EncapsulatedX509Certificate' | 'xades:EncapsulatedOCSPValue',
  most: number,
): { id: string | undefined; der: Buffer }[] {
  const reader = readElement(element, ['Id'])
  const values = reader.many(name, most)
  reader.end()
  return values.map((value) => ({ id: value.attributes.get('Id'), der: base64Of(value, ['Id']) }))
}

function readTimeStamp(element: SignatureElement): Buffer {
  const reader = readElement(element, ['Id'])
  const canonicalisation = reader.maybe('ds:CanonicalizationMethod')
  if (canonicalisation !== undefined) algorithmOf(canonicalisation)
  const token = base64Of(reader.one('xades:EncapsulatedTimeStamp'), ['Id', 'Encoding'])
  reader.end()
  return token
}

function readCertificateReferences(element: SignatureElement): Unsigned['certificateReferences'] {
  const reader = readElement(element, ['Id'])
  const list = readElement(reader.one('xades:CertRefs'))
  reader.end()
  const certificates = list.many('xades:Cert', LIMIT.certificates)
  list.end()
  return certificates.map((certificate) => {
    const { digest, value } = readCertificateReference(
      readElement(certificate, ['URI']),
      'xades:IssuerSerial',
    )
    return { digest, value, uri: attributeOf(certificate, 'URI') }
  })
}
