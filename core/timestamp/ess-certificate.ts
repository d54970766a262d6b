/**
 * The signed attribute that identifies the signer's certificate by its hash (ESS, RFC 2634 5.4 and RFC 5035).
 * Without it, another certificate for the same key could replace it. X-Road's authorities write the first
 * version, with SHA-1.
 */
import { createHash } from 'node:crypto'
import { children, type Der, expectTag, malformed, readOctetString, TAG } from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import type { Certificate } from '#core/certificate/certificate.ts'
import type { DigestName } from '#schemas/wire.ts'
import { digestOf, isStrongDigest, readDigest } from './digest.ts'
import { invalidTimeStamp } from './faults.ts'

/** Throws unless each of the two attributes that is present names `certificate` first. */
export function checkSigningCertificate(
  attributes: ReadonlyMap<string, Der>,
  certificate: Certificate,
): void {
  const first = attributes.get(OID.signingCertificate)
  if (first !== undefined)
    check(
      hashOf(first, () => 'SHA-1'),
      certificate,
    )
  const second = attributes.get(OID.signingCertificateV2)
  if (second !== undefined) check(hashOf(second, readV2Digest), certificate)
}

type CertificateHash = { digest: DigestName; hash: Buffer }

function check({ digest, hash }: CertificateHash, certificate: Certificate): void {
  if (!digestOf(digest, certificate.der).equals(hash)) {
    throw invalidTimeStamp('it was signed for another certificate of its authority')
  }
}

/**
 * The hash in the first ESSCertID. Its issuerSerial adds nothing to the hash; the other ESSCertIDs are the
 * path.
 */
function hashOf(attribute: Der, readAlgorithm: (fields: Der[]) => DigestName): CertificateHash {
  const [list] = children(expectTag(attribute, TAG.sequence, 'signing certificate'))
  const [id] = children(expectTag(list, TAG.sequence, 'certificate hashes'))
  const fields = children(expectTag(id, TAG.sequence, 'certificate hash'))
  const digest = readAlgorithm(fields)
  const hash = readOctetString(fields.shift())
  if (fields.length > 1) throw malformed('fields after the certificate hash')
  return { digest, hash }
}

/** hashAlgorithm, by DEFAULT sha256. */
function readV2Digest(fields: Der[]): DigestName {
  if (fields[0]?.tag !== TAG.sequence) return 'SHA-256'
  const digest = readDigest(fields.shift())
  if (!isStrongDigest(digest)) throw malformed('certificate hash too weak')
  return digest
}

/** The value of signingCertificateV2 for this certificate, with SHA-256. */
export function writeSigningCertificateV2(certificate: Certificate): Buffer {
  const hash = createHash('sha256').update(certificate.der).digest()
  return der.sequence(der.sequence(der.sequence(der.octetString(hash))))
}
