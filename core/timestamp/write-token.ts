/** Writes time-stamp tokens for our own authority, and adds a certificate to tokens of other authorities. */
import type { Der } from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import type { Certificate } from '#core/certificate/certificate.ts'
import type { DerSigner } from '#core/certificate/ocsp-write.ts'
import { digestOf, writeDigest } from './digest.ts'
import { writeSigningCertificateV2 } from './ess-certificate.ts'
import { asTimeStampFault } from './faults.ts'
import { readSignedData, type SignedData } from './signed-data.ts'

export type TokenQuestion = {
  /** The DER of a TSTInfo. */
  content: Buffer
  certificate: Certificate
  includeCertificates: Certificate[]
  /** The digest with which the signer must sign. */
  digest: 'SHA-256' | 'SHA-384' | 'SHA-512'
  sign: DerSigner
}

/** A token in DER with the signed attributes that RFC 3161 requires. */
export function writeToken(q: TokenQuestion): Buffer {
  const attributes = der.setOf(
    attribute(OID.contentType, der.oid(OID.tstInfo)),
    attribute(OID.messageDigest, der.octetString(digestOf(q.digest, q.content))),
    attribute(OID.signingCertificateV2, writeSigningCertificateV2(q.certificate)),
  )
  const { algorithm, value } = q.sign(attributes)
  const signer = der.sequence(
    der.integer(1),
    der.sequence(q.certificate.issuer.der, der.integer(q.certificate.serialNumber)),
    writeDigest(q.digest),
    der.implicit(0, attributes),
    algorithm,
    der.octetString(value),
  )
  return contentInfo(
    der.integer(3),
    der.setOf(writeDigest(q.digest)),
    der.sequence(der.oid(OID.tstInfo), der.explicit(0, der.octetString(q.content))),
    ...writeCertificates(q.includeCertificates.map((certificate) => certificate.der)),
    der.setOf(signer),
  )
}

/**
 * The token in DER, with the authority's certificate added unless it is already there. X-Road requests
 * time-stamps without certificates and stores them with the certificate. The signed parts stay unchanged.
 */
export function addTsaCertificate(token: Buffer, certificate: Certificate): Buffer {
  const { parts, certificates } = asTimeStampFault('token', (): SignedData => readSignedData(token))
  const has = certificates.some((other) => other.equals(certificate.der))
  return contentInfo(
    ...parts.head.map(rawOf),
    ...writeCertificates(has ? certificates : [certificate.der, ...certificates]),
    ...(parts.revocations === undefined ? [] : [parts.revocations.raw]),
    parts.signers.raw,
  )
}

function contentInfo(...fields: Buffer[]): Buffer {
  return der.sequence(der.oid(OID.signedData), der.explicit(0, der.sequence(...fields)))
}

function writeCertificates(certificates: Buffer[]): Buffer[] {
  return certificates.length === 0 ? [] : [der.implicit(0, der.setOf(...certificates))]
}

function attribute(oid: string, value: Buffer): Buffer {
  return der.sequence(der.oid(oid), der.setOf(value))
}

function rawOf(part: Der): Buffer {
  return part.raw
}
