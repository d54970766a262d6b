/**
 * Signs documents for the central registry as JWS with a member's signing identity and, on request, also with
 * an authentication key.
 */
import { signJson } from '#core/signature/signed-json.ts'
import type { MemberId } from '#schemas/identifiers.ts'
import { authenticationEntry, type FindCertificate } from './authentication-entry.ts'
import type { SigningIdentity } from './identity.ts'
import type { Tokens } from './tokens.ts'

export type SignJson = (q: {
  document: unknown
  /** The `typ` of the JWS: the purpose of the document. */
  type: string
  member: MemberId
  /** SHA-256 of an authentication certificate whose key signs as well; it needs no OCSP status yet. */
  authentication?: string | undefined
}) => Promise<string>

/**
 * Throws as a signing identity does, `cert_not_found`, and `incorrect_certificate` when `authentication` is
 * no authentication certificate.
 */
export function createSignJson(q: {
  tokens: Pick<Tokens, 'signingKey'>
  signing(member: MemberId): SigningIdentity
  find: FindCertificate
}): SignJson {
  return async ({ document, type, member, authentication }) => {
    const { certificate, intermediates, ocspResponses } = q.signing(member)
    const signers: Parameters<typeof signJson>[2] = [
      {
        certificates: [certificate, ...intermediates],
        ocspResponses,
        key: q.tokens.signingKey(q.find(certificate.sha256).key.id),
      },
    ]
    if (authentication !== undefined) {
      const { key, stored } = authenticationEntry(q.find, authentication)
      signers.push({
        certificates: [stored.certificate],
        ocspResponses: [],
        key: q.tokens.signingKey(key.id),
      })
    }
    return signJson(document, type, signers)
  }
}
