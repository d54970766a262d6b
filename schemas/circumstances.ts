/**
 * The circumstances of an exchange, as a log keeps them beside its records: one canonical JSON document (RFC 8785) for all
 * exchanges with the same circumstances, known by its SHA-256. Nothing in it is about a person: no path as it was called, no user, no
 * address. Identifiers stand in their text form with slashes, digests as base64.
 */

/** Method and path pattern as access rights and contracts have them. */
export type EndpointPattern = { method: string; path: string }

export type Circumstances = {
  version: 1
  /** Which of the two servers says so. */
  side: 'consumer' | 'provider'
  /** How the client's systems have to prove who they are; of the consumer's side. */
  authentication?: 'NOSSL' | 'SSLNOAUTH' | 'SSLAUTH'
  /** The contract under which it took place; absent: under none. */
  contract?: {
    id: string
    version: number
    /** SHA-256 of its content, lower hex, as the parties sealed it. */
    hash: string
    title: string
    purpose: string
    legalBasis: string
    /** The endpoint of the contract that covers the call. */
    endpoint: EndpointPattern
    /** Of a contract with a whole group: the client was a member. */
    globalGroup?: string
  }
  /** The endpoint that was called, as the service's description declares it. */
  endpoint?: EndpointPattern
  /** The access right by which the call was allowed; absent on the provider's side: there was none. */
  right?: { endpoint: EndpointPattern; grants: RightGrant[] }
  service?: {
    type: 'REST' | 'OPENAPI'
    /** SHA-256 of the description in force: as it was read, and as clients get it. */
    description?: { document: string; published: string; since: string }
  }
}

/** Who was granted an endpoint, where that named the client. */
export type RightGrant = {
  subjectType: 'SUBSYSTEM' | 'GLOBALGROUP' | 'LOCALGROUP'
  /** A subsystem's identifier, or a group's code. */
  subject: string
  since: string
}
