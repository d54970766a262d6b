/**
 * CMS SignedData (RFC 5652 section 5), limited to time-stamp tokens: one signer, content included, signed
 * attributes in DER order. Only reads; verify-token.ts verifies the signature.
 */
import {
  children,
  type Der,
  expectTag,
  malformed,
  onlyChild,
  parseDer,
  readInteger,
  readOctetString,
  readOid,
  readSmallInteger,
  TAG,
} from '#core/asn1/der.ts'
import { OID } from '#core/asn1/oids.ts'
import { type AlgorithmIdentifier, readAlgorithmIdentifier } from '#core/certificate/certificate.ts'
import type { DigestName } from '#schemas/wire.ts'
import { definiteForm } from './definite-form.ts'
import { readDigest } from './digest.ts'

type SignerId = { issuer: Buffer; serialNumber: bigint } | { subjectKeyIdentifier: Buffer }

export type SignedData = {
  /** The parts of SignedData unchanged, for writing them again. */
  parts: { head: Der[]; certificates: Der | undefined; revocations: Der | undefined; signers: Der }
  contentType: string
  /** The octets of the content, over which messageDigest is computed. */
  content: Buffer
  /** DER of the certificates in the token; the signature does not cover them. */
  certificates: Buffer[]
  signer: {
    id: SignerId
    digest: DigestName
    /** The bytes that are signed: the attributes as SET OF. */
    signedBytes: Buffer
    /** The only value of each signed attribute, by object identifier. */
    attributes: ReadonlyMap<string, Der>
    signatureAlgorithm: AlgorithmIdentifier
    signature: Buffer
  }
}

const MAX_CERTIFICATES = 16
const MAX_ATTRIBUTES = 32

/** Reads a token (ContentInfo, BER or DER). Throws `malformed_der`. */
export function readSignedData(token: Buffer): SignedData {
  const info = expectTag(parseDer(definiteForm(token)), TAG.sequence, 'token')
  const [type, content, ...more] = children(info)
  if (readOid(type) !== OID.signedData) throw malformed('not signed data')
  if (more.length > 0) throw malformed('fields after the signed data')
  return readFields(
    children(expectTag(onlyChild(expectTag(content, 0xa0, 'signed data')), TAG.sequence, 'signed data')),
  )
}

function readFields(fields: Der[]): SignedData {
  const head = fields.splice(0, 3)
  const [version, digests, encapsulated] = head
  const number = readSmallInteger(version)
  // 3 because the content is not id-data; 4 and 5 if the token has attribute certificates or other CRLs.
  if (number < 3 || number > 5) throw malformed('version of the signed data')
  const certificates = fields[0]?.tag === 0xa0 ? fields.shift() : undefined
  const revocations = fields[0]?.tag === 0xa1 ? fields.shift() : undefined
  const signers = expectTag(fields.shift(), TAG.set, 'signers')
  if (fields.length > 0) throw malformed('fields after the signers')
  const signer = readSigner(onlyChild(signers))
  const declared = children(expectTag(digests, TAG.set, 'digest algorithms')).map(readDigest)
  if (!declared.includes(signer.digest)) throw malformed('the digest of the signer is not declared')
  return {
    parts: { head, certificates, revocations, signers },
    ...readContent(encapsulated),
    certificates: certificates === undefined ? [] : readCertificates(certificates),
    signer,
  }
}

function readContent(encapsulated: Der | undefined): { contentType: string; content: Buffer } {
  const [type, content, ...more] = children(expectTag(encapsulated, TAG.sequence, 'content'))
  if (more.length > 0) throw malformed('fields after the content')
  return {
    contentType: readOid(type),
    content: readOctetString(onlyChild(expectTag(content, 0xa0, 'content'))),
  }
}

function readCertificates(tagged: Der): Buffer[] {
  const list = children(tagged)
  if (list.length > MAX_CERTIFICATES) throw malformed(`more than ${MAX_CERTIFICATES} certificates`)
  return list.map((certificate) => expectTag(certificate, TAG.sequence, 'certificate').raw)
}

function readSigner(signer: Der): SignedData['signer'] {
  const fields = children(expectTag(signer, TAG.sequence, 'signer'))
  const [version, id, digest, attributes, algorithm, signature] = fields.splice(0, 6)
  if (fields[0]?.tag === 0xa1) fields.shift()
  if (fields.length > 0) throw malformed('fields after the unsigned attributes')
  const signerId = readSignerId(id)
  if (readSmallInteger(version) !== ('issuer' in signerId ? 1 : 3)) throw malformed('version of the signer')
  const signed = expectTag(attributes, 0xa0, 'signed attributes')
  const signedBytes = Buffer.from(signed.raw)
  // The attributes are signed as an explicit SET OF, whatever their tag in the message (RFC 5652 5.4).
  signedBytes[0] = TAG.set
  return {
    id: signerId,
    digest: readDigest(digest),
    signedBytes,
    attributes: readAttributes(children(signed)),
    signatureAlgorithm: readAlgorithmIdentifier(expectTag(algorithm, TAG.sequence, 'signature algorithm')),
    signature: readOctetString(signature),
  }
}

function readSignerId(id: Der | undefined): SignerId {
  if (id?.tag === 0x80) return { subjectKeyIdentifier: readOctetString(id, 0x80) }
  const [issuer, serial, ...more] = children(expectTag(id, TAG.sequence, 'signer id'))
  if (more.length > 0) throw malformed('fields after the signer id')
  return { issuer: expectTag(issuer, TAG.sequence, 'issuer').raw, serialNumber: readInteger(serial) }
}

function readAttributes(list: Der[]): Map<string, Der> {
  if (list.length > MAX_ATTRIBUTES) throw malformed(`more than ${MAX_ATTRIBUTES} signed attributes`)
  const found = new Map<string, Der>()
  list.forEach((attribute, index) => {
    if (index > 0 && Buffer.compare(list[index - 1]!.raw, attribute.raw) >= 0) {
      throw malformed('signed attributes not in DER order')
    }
    const [type, values, ...more] = children(expectTag(attribute, TAG.sequence, 'signed attribute'))
    if (more.length > 0) throw malformed('fields after the attribute values')
    const oid = readOid(type)
    if (found.has(oid)) throw malformed(`signed attribute ${oid} is repeated`)
    found.set(oid, onlyChild(expectTag(values, TAG.set, 'attribute values')))
  })
  return found
}
