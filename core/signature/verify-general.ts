/**
 * The general path for all signatures: parse, check the structure, canonicalise, verify. The returned values
 * come from the same tree whose canonical form was verified.
 */
import { createHash, hash } from 'node:crypto'
import { parseCertificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { fits, nodeDigest, verifyValue } from './algorithms.ts'
import type { CheckedSignature, DataReference } from './checked-signature.ts'
import { type ReadSignature, readSignature } from './read-signature.ts'
import { withSignatureDocument } from './xml-document.ts'

/**
 * Throws `invalid_xml`, `malformed_signature`, `invalid_signature_value` (also X-Road's code for a wrong
 * digest of the signed properties), `incorrect_certificate` for a key that is too weak, or
 * `malformed_certificate`.
 */
export function checkSignatureGeneral(document: Buffer): Promise<CheckedSignature> {
  return withSignatureDocument(document, (root) => verify(readSignature(root)))
}

function verify(read: ReadSignature): CheckedSignature {
  const { signedInfo, properties, propertiesReference, signatureValue } = read
  const certificate = parseCertificate(read.certificate)
  const certificates = properties.certificates.map(({ der }) => parseCertificate(der))
  const key = publicKeyOf(certificate)
  if (!fits(signedInfo.method, key)) {
    throw new Fault('incorrect_certificate', {
      what: say`its key is too weak or not for the signature method`,
    })
  }
  const canonical = signedInfo.element.canonical(signedInfo.canonicalisation)
  if (!verifyValue(signedInfo.method, key, canonical, signatureValue)) {
    throw new Fault('invalid_signature_value')
  }
  const signed = properties.signedProperties.canonical(propertiesReference.canonicalisation)
  if (!isDigestOf(propertiesReference, signed)) {
    throw new Fault('invalid_signature_value', { what: say`the signed properties were altered` })
  }
  checkNamedCertificates(read, certificate.der, certificate.serialNumber)
  return {
    way: 'general',
    certificate,
    certificates,
    ocspResponses: properties.ocspResponses,
    signingTime: properties.signingTime,
    references: read.references,
    signatureValue,
    signedInfoDigest: hash('sha256', canonical, 'buffer'),
    timeStampToken: properties.timeStampToken,
  }
}

/**
 * The signed properties must identify the certificate that verifies; references to other certificates must
 * identify the embedded ones.
 */
function checkNamedCertificates({ properties }: ReadSignature, der: Buffer, serialNumber: bigint): void {
  const named = properties.signingCertificate
  if (!isDigestOf(named, der) || (named.serialNumber ?? serialNumber) !== serialNumber) {
    throw new Fault('malformed_signature', { what: say`the signed properties name another certificate` })
  }
  for (const reference of properties.certificateReferences) {
    const target = properties.certificates.find(({ id }) => id !== undefined && reference.uri === `#${id}`)
    if (target === undefined || !isDigestOf(reference, target.der)) {
      throw new Fault('malformed_signature', { what: say`a certificate reference does not match` })
    }
  }
}

/** Whether a reference has the digest of `data`. */
function isDigestOf(reference: Pick<DataReference, 'digest' | 'value'>, data: Buffer): boolean {
  return createHash(nodeDigest(reference.digest)).update(data).digest().equals(reference.value)
}
