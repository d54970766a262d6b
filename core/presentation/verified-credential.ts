/** A credential whose issuer and holder are verified, in either format. */
import type { Certificate } from '#core/certificate/certificate.ts'
import type { CredentialFormat, PathStep } from './dcql/query.ts'
import type { JsonObject } from './json.ts'
import type { StatusReference } from './status-list.ts'
import type { TrustedIssuer } from './trusted-issuers.ts'

export type VerifiedCredential = {
  /** Of the query that it answers. */
  id: string
  format: CredentialFormat
  type: string
  issuer: TrustedIssuer
  /** From the certificate that signed to the anchor. */
  path: Certificate[]
  claims: JsonObject
  /** Where what was disclosed stands; the rest the issuer leaves in the open. */
  disclosed: PathStep[][]
  /** The thumbprint of the holder's key (RFC 7638), base64url. */
  holderKey: string
  /** When the holder signed, where the format says so. */
  signedAt: Date | undefined
  /** Hashes of the transactions that the holder signed with it. */
  transactions: string[]
  status: StatusReference | undefined
}
