/**
 * Signs the bytes of one of X-Road's management requests (pr-mserv): with a member's signing key, and for
 * authCertReg with the authentication key before it. Over SHA-512, ECDSA in DER; the algorithms have Java's
 * names, which X-Road looks up.
 */
import type { Certificate } from '#core/certificate/certificate.ts'
import { plainMethod, type SigningKey, signDerWith } from '#core/signature/signing-key.ts'
import type { MemberId } from '#schemas/identifiers.ts'
import { authenticationEntry, type FindCertificate } from './authentication-entry.ts'
import type { SigningIdentity } from './identity.ts'
import type { Tokens } from './tokens.ts'

export type SignedXRoadRequest = {
  /** Each over the same bytes, with the certificate that verifies it; that of the member is the last one. */
  signatures: { algorithm: string; value: Buffer; certificate: Certificate }[]
  /** A fresh one, in DER, about the member's signing certificate. */
  ocspResponse: Buffer
}

/**
 * `authentication`: SHA-256 of the authentication certificate of an authCertReg; it needs no OCSP status yet.
 */
export type SignXRoadRequest = (q: {
  data: Buffer
  member: MemberId
  authentication?: string | undefined
}) => Promise<SignedXRoadRequest>

/** Throws as a signing identity does, and as authenticationEntry. */
export function createSignXRoadRequest(q: {
  tokens: Pick<Tokens, 'signingKey'>
  signing(member: MemberId): SigningIdentity
  find: FindCertificate
}): SignXRoadRequest {
  return async ({ data, member, authentication }) => {
    const { certificate, ocspResponses } = q.signing(member)
    const sign = async (key: SigningKey, by: Certificate): Promise<SignedXRoadRequest['signatures'][0]> => ({
      algorithm: plainMethod(key, 'sha512').kind === 'ecdsa' ? 'SHA512withECDSA' : 'SHA512withRSA',
      value: await signDerWith(key, 'sha512', data),
      certificate: by,
    })
    const signatures: SignedXRoadRequest['signatures'] = []
    if (authentication !== undefined) {
      const { key, stored } = authenticationEntry(q.find, authentication)
      signatures.push(await sign(q.tokens.signingKey(key.id), stored.certificate))
    }
    signatures.push(await sign(q.tokens.signingKey(q.find(certificate.sha256).key.id), certificate))
    return { signatures, ocspResponse: ocspResponses[0]! }
  }
}
