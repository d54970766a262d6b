/** The content of a verified signature; both paths of verification return the same. */
import type { Certificate } from '#core/certificate/certificate.ts'
import type { DigestName } from '#schemas/wire.ts'

/** One signed digest of data, from a ds:Reference. */
export type DataReference = { uri: string; digest: DigestName; value: Buffer }

/**
 * The signature value and the digest of the signed properties have been verified. Coverage of the message
 * (check-coverage.ts) and trust in the signer (check-signer.ts) have not.
 */
export type CheckedSignature = {
  way: 'exact' | 'general'
  certificate: Certificate
  /** Intermediate certificates in the document. */
  certificates: Certificate[]
  /** DER, in the order of the document. */
  ocspResponses: Buffer[]
  signingTime: Date | undefined
  /** References to data, without the one to the signed properties. */
  references: DataReference[]
  /** Raw r||s for ECDSA; the bytes that a single time-stamp covers. */
  signatureValue: Buffer
  /**
   * SHA-256 of canonical ds:SignedInfo. It identifies a signature independently of its encoding, so it can
   * serve as a replay key.
   */
  signedInfoDigest: Buffer
  /** DER of the token in xades:SignatureTimeStamp. */
  timeStampToken: Buffer | undefined
}
