/**
 * Management requests on the wire between a security server and the central registry: kinds, states,
 * documents.
 */

import { idText, memberOf, parseClientId, parseServerId } from './identifiers.ts'
import type { Time, Whole } from './sent-values.ts'

/** The kinds are the names of X-Road's management services (pr-mserv). */
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

/** WAITING: another party must file the same request too. */
export const REQUEST_STATES = [
  'WAITING',
  'SUBMITTED_FOR_APPROVAL',
  'APPROVED',
  'DECLINED',
  'REVOKED',
] as const
export type RequestState = (typeof REQUEST_STATES)[number]

/** The states in which a request is still undecided. */
export const UNDECIDED: RequestState[] = ['WAITING', 'SUBMITTED_FOR_APPROVAL']

/**
 * What a request is about; identifiers in text form. The registration API's file says which fields a kind
 * has.
 */
export type RequestSubject = {
  kind: RequestKind
  server: string
  client?: string
  subsystemName?: string
  /** The member that becomes the owner of the server. */
  newOwner?: string
  address?: string
  /** Base64 of the DER of an authentication certificate. */
  certificate?: string
  certificateSha256?: string
  /** A text for others while the server is in maintenance. */
  message?: string
}

/**
 * The head of every signed document: an id that was never used before, the time, and the member whose key
 * signs.
 */
export type DocumentHead = { id: string; createdAt: string; signer: string }

export type FiledRequest = DocumentHead & RequestSubject
/** Asks for those requests about a server that the signer has signed. */
export type StatusQuery = DocumentHead & { server: string }
export type Revocation = DocumentHead & { server: string; request: Whole }

/** The member that owns the server of a request, in text form. */
export function ownerOf({ server }: Pick<RequestSubject, 'server'>): string {
  return idText(memberOf(parseServerId(server)))
}

/** The member that the request is about besides the owner, or the owner if there is none. */
export function otherOf({ client, newOwner, server }: RequestSubject): string {
  if (newOwner !== undefined) return newOwner
  return client === undefined ? ownerOf({ server }) : idText(memberOf(parseClientId(client)))
}

/**
 * Who must sign, each with its own key. Both sides must sign to join a server and to take it over; a name
 * belongs to its member. With `either`, one signature is enough: host and guest can each end or pause what
 * they agreed on.
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

/** The `typ` of each document's JWS, so that no document can pass for another kind. */
export const DOCUMENT_TYPE = {
  file: 'concordat-management-request',
  query: 'concordat-management-request-query',
  revoke: 'concordat-management-request-revocation',
} as const

/** The registry's answer to the requester. */
export type RequestStatus = {
  request: Whole
  kind: RequestKind
  state: RequestState
  server: string
  client?: string | undefined
  filedAt: Time
  decidedAt?: Time | undefined
  /** The reason if the request was declined. */
  reason?: string | undefined
}
