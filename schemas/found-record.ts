/**
 * Questions and results of a search of the message log, in the form of the management API, exports and
 * answers to audit orders.
 */
import type { Time, Whole } from './sent-values.ts'

/** The parameters of findRecords, except for paging. */
export type RecordQuestion = {
  queryId?: string
  requestId?: string
  clientId?: string
  serviceId?: string
  partyId?: string
  peerId?: string
  kind?: string
  direction?: string
  outcome?: string
  failed?: boolean
  /** true: only the calls by which the instance keeps itself going; false: without them. */
  upkeep?: boolean
  from?: string
  to?: string
  /** Sealed user id and represented party, made by sealActors. */
  userTerm?: string
  representedPartyTerm?: string
  /** "<id>", or "<id>/<version>" */
  contract?: string
  purpose?: string
  /** As declared or granted: "GET /persons/*" */
  endpoint?: string
}

/** An exchange that a search found: its records that the caller may see, in the order of the log. */
export type FoundExchange = {
  /** The newest of its records that fit: it names the page after this exchange. */
  index: Whole
  records: FoundRecord[]
}

/** Identifiers are in colon form. */
export type FoundRecord = {
  index: Whole
  time: Time
  kind: string
  direction: string
  outcome: string
  queryId: string
  requestId: string
  clientId: string | null
  serviceId: string | null
  peer: string | null
  answers: Whole | null
  /** "<id>/<version>". This and the next two members are absent in results of an older version. */
  contract?: string | null
  purpose?: string | null
  endpoint?: string | null
}

/** Its members in the order of table columns. */
export const FOUND_RECORD_COLUMNS = [
  ...(['index', 'time', 'kind', 'direction', 'outcome', 'queryId', 'requestId'] as const),
  ...(['clientId', 'serviceId', 'peer', 'answers'] as const),
  ...(['contract', 'purpose', 'endpoint'] as const),
] as const satisfies (keyof FoundRecord)[]
