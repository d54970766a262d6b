/**
 * The circumstances of an exchange, stored by a log with its records: one canonical JSON document (RFC 8785)
 * for all exchanges with the same circumstances, identified by its SHA-256. It contains no personal data: no
 * path as called, no user, no address. Identifiers are in text form with slashes, digests in base64.
 */

/** Method and path pattern, as in access rights and contracts. */
export type EndpointPattern = { method: string; path: string }

export type Circumstances = {
  version: 1
  /** Which of the two servers recorded them. */
  side: 'consumer' | 'provider'
  /** How the client's systems must authenticate; on the consumer's side only. */
  authentication?: 'NOSSL' | 'SSLNOAUTH' | 'SSLAUTH'
  /** The contract that applied; absent if none did. */
  contract?: {
    id: string
    version: number
    /** SHA-256 of its content in lower-case hex, as the parties sealed it. */
    hash: string
    title: string
    purpose: string
    legalBasis: string
    /** The endpoint of the contract that covers the call. */
    endpoint: EndpointPattern
    /** For a contract with a whole group: the group of which the client was a member. */
    globalGroup?: string
  }
  /** The endpoint that was called, as declared in the service's description. */
  endpoint?: EndpointPattern
  /** The access right that allowed the call. Absent on the provider's side: there was none. */
  right?: { endpoint: EndpointPattern; grants: RightGrant[] }
  service?: {
    type: 'REST' | 'OPENAPI' | 'WSDL'
    /** SHA-256 of the description in force: as it was read, and as clients get it. */
    description?: { document: string; published: string; since: string }
  }
}

/** A grant of an endpoint that covered the client. */
export type RightGrant = {
  subjectType: 'SUBSYSTEM' | 'GLOBALGROUP' | 'LOCALGROUP'
  /** A subsystem's identifier, or a group's code. */
  subject: string
  since: string
}
