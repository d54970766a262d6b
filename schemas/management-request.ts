/** Management requests as they cross the wire between a security server and the central registry: kinds, states, documents. */

import { idText, memberOf, parseClientId, parseServerId } from './identifiers.ts'

/** The names of X-Road's management services (pr-mserv), which are the kinds. */
export const REQUEST_KINDS = [
  'authCertReg',
  'authCertDeletion',
  'clientReg',
  'clientDeletion',
  'clientDisable',
  'clientEnable',
  'clientRename',
  'ownerChange',
  'addressChange',
  'maintenanceModeEnable',
  'maintenanceModeDisable',
] as const
export type RequestKind = (typeof REQUEST_KINDS)[number]

/** Waiting: somebody else has to file the same as well. */
export const REQUEST_STATES = [
  'WAITING',
  'SUBMITTED_FOR_APPROVAL',
  'APPROVED',
  'DECLINED',
  'REVOKED',
] as const
export type RequestState = (typeof REQUEST_STATES)[number]

/** What a request is about; ids in their text form. Which fields a kind has stands in the registration API's file. */
export type RequestSubject = {
  kind: RequestKind
  server: string
  client?: string
  subsystemName?: string
  /** The member that is to own the server. */
  newOwner?: string
  address?: string
  /** Base64 of the DER of an authentication certificate. */
  certificate?: string
  certificateSha256?: string
  /** Shown to others while the server is in maintenance. */
  message?: string
}

/** Of every signed document: an id that was never used, the time, and the member whose key signs. */
export type DocumentHead = { id: string; createdAt: string; signer: string }

export type FiledRequest = DocumentHead & RequestSubject
/** Asks for the requests about a server that the signer has signed. */
export type StatusQuery = DocumentHead & { server: string }
export type Revocation = DocumentHead & { server: string; request: number }

/** The member that owns the server of a request, in text form. */
export function ownerOf({ server }: Pick<RequestSubject, 'server'>): string {
  return idText(memberOf(parseServerId(server)))
}

/** The member that the request is about beside the owner, or the owner. */
export function otherOf({ client, newOwner, server }: RequestSubject): string {
  if (newOwner !== undefined) return newOwner
  return client === undefined ? ownerOf({ server }) : idText(memberOf(parseClientId(client)))
}

/**
 * Who has to sign, each by its own key: joining a server and taking it over take both sides, a name is its member's. Of
 * `either`, one is enough: both the host and the guest may end or pause what they agreed on.
 */
export function signersOf(subject: RequestSubject): { all: string[] } | { either: string[] } {
  const [owner, other] = [ownerOf(subject), otherOf(subject)]
  switch (subject.kind) {
    case 'clientReg':
    case 'ownerChange':
      return { all: [...new Set([owner, other])] }
    case 'clientRename':
      return { all: [other] }
    case 'clientDeletion':
    case 'clientDisable':
    case 'clientEnable':
      return { either: [...new Set([owner, other])] }
    default:
      return { all: [owner] }
  }
}

/** The `typ` of each document's JWS: one cannot stand for another. */
export const DOCUMENT_TYPE = {
  file: 'concordat-management-request',
  query: 'concordat-management-request-query',
  revoke: 'concordat-management-request-revocation',
} as const

/** What the registry tells the requester. */
export type RequestStatus = {
  request: number
  kind: RequestKind
  state: RequestState
  server: string
  client?: string | undefined
  filedAt: string
  decidedAt?: string | undefined
  /** Why it was declined. */
  reason?: string | undefined
}
