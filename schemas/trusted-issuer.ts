/**
 * Issuers of credentials whom an instance trusts, as its registry publishes them and
 * `GET /listTrustedIssuers` of a security server gives them: who, what for, for which credentials and claims,
 * under which anchors.
 */

/** A CA, and from when until when it counts: what was presented is judged by what was trusted then. */
export type PublishedAnchor = {
  /** base64 of DER. */
  certificate: string
  trustedFrom?: string
  trustedUntil?: string
}

/**
 * For what an issuer was trusted until a change, with the anchors that ended by it. Written by the registry
 * alone.
 */
export type FormerTrust = Pick<
  PublishedIssuer,
  'types' | 'claims' | 'anchors' | 'signers' | 'statusSigners' | 'requiresStatus' | 'statusHosts'
>

/** How an issuer is named in the list, and by contracts that count on it. */
export const ISSUER_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/

export type PublishedIssuer = {
  name: string
  /** In words, for people: what it is trusted for, and by which rule. */
  purpose: string
  /** `vct` values and doctypes that it may issue. */
  types: string[]
  /** The claims on which it is believed, as paths; on all of these types where there are none. */
  claims?: string[][]
  anchors: PublishedAnchor[]
  /** By what its certificates below the anchors are known (`core/presentation/signer-marks.ts`). */
  signers?: Record<string, string>[]
  /** By what those are known that sign its status lists, where they are others. */
  statusSigners?: Record<string, string>[]
  /** Whether its credentials must name a status, or from when. */
  requiresStatus?: boolean | string
  /** The hosts of its status lists. */
  statusHosts?: string[]
  former?: FormerTrust[]
}

/** What `GET /listTrustedIssuers` answers. */
export type ListedIssuers = { instance: string; issuers: PublishedIssuer[] }
