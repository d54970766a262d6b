/**
 * Signs the bytes of X-Road's authCertReg (wire digest 7.1): with an authentication key and with the owner's signing key, over
 * SHA-512, ECDSA in DER. The algorithms have Java's names, which X-Road looks up.
 */
import type { Certificate } from '#core/certificate/certificate.ts'
import { plainMethod, type SigningKey, signDerWith } from '#core/signature/signing-key.ts'
import type { MemberId } from '#schemas/identifiers.ts'
import { authenticationEntry, type FindCertificate } from './authentication-entry.ts'
import type { SigningIdentity } from './identity.ts'
import type { Tokens } from './tokens.ts'

/** A signature over the bytes, with the certificate that verifies it. */
type RegistrationSignature = { algorithm: string; value: Buffer; certificate: Certificate }

export type SignedRegistration = {
  authentication: RegistrationSignature
  owner: RegistrationSignature
  /** A fresh one, in DER, about the owner's signing certificate. */
  ocspResponse: Buffer
}

/** `authentication`: SHA-256 of the authentication certificate; it needs no OCSP status yet. */
export type SignRegistration = (q: {
  data: Buffer
  owner: MemberId
  authentication: string
}) => Promise<SignedRegistration>

/** Throws as a signing identity does, and as authenticationEntry. */
export function createSignRegistration(q: {
  tokens: Pick<Tokens, 'signingKey'>
  signing(member: MemberId): SigningIdentity
  find: FindCertificate
}): SignRegistration {
  return async ({ data, owner, authentication }) => {
    const { certificate, ocspResponses } = q.signing(owner)
    const sign = async (key: SigningKey, by: Certificate): Promise<RegistrationSignature> => ({
      algorithm: plainMethod(key, 'sha512').kind === 'ecdsa' ? 'SHA512withECDSA' : 'SHA512withRSA',
      value: await signDerWith(key, 'sha512', data),
      certificate: by,
    })
    const { key, stored } = authenticationEntry(q.find, authentication)
    return {
      authentication: await sign(q.tokens.signingKey(key.id), stored.certificate),
      owner: await sign(q.tokens.signingKey(q.find(certificate.sha256).key.id), certificate),
      ocspResponse: ocspResponses[0]!,
    }
  }
}
