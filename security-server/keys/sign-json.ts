/** Signs documents for the central registry as JWS: by a member's signing identity, and by an authentication key beside it. */
import { type JsonSigner, writeSignedJson } from '#core/signature/signed-json.ts'
import { Fault } from '#schemas/fault.ts'
import type { MemberId } from '#schemas/identifiers.ts'
import type { SigningIdentity } from './identity.ts'
import type { StoredCertificate, StoredKey } from './key-file.ts'
import type { SoftwareToken } from './software-token.ts'

export type SignJson = (q: {
  document: unknown
  /** The JWS's `typ`: what the document is for. */
  type: string
  member: MemberId
  /** SHA-256 of an authentication certificate whose key signs as well; it needs no status yet. */
  authentication?: string | undefined
}) => string

/** Throws what a signing identity does, `cert_not_found`, `incorrect_certificate` for one that is not for authentication. */
export function createSignJson(q: {
  token: Pick<SoftwareToken, 'privateKey'>
  signing(member: MemberId): SigningIdentity
  find(sha256: string): { key: StoredKey; stored: StoredCertificate }
}): SignJson {
  return ({ document, type, member, authentication }) => {
    const { certificate, intermediates, ocspResponses } = q.signing(member)
    const signers: JsonSigner[] = [
      {
        certificates: [certificate, ...intermediates],
        ocspResponses,
        key: q.token.privateKey(q.find(certificate.sha256).key.id),
      },
    ]
    if (authentication !== undefined) {
      const { key, stored } = q.find(authentication)
      if (key.usage !== 'AUTHENTICATION')
        throw new Fault('incorrect_certificate', { what: 'it is not an authentication certificate' })
      signers.push({
        certificates: [stored.certificate],
        ocspResponses: [],
        key: q.token.privateKey(key.id),
      })
    }
    return writeSignedJson(document, type, signers)
  }
}
