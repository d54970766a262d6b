/** What a search of the message log asks and finds, as the management API, exports and answers to audit orders have it. */

/** The parameters of findRecords but for its page. */
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
  from?: string
  to?: string
  /** Sealed, of a user id and of a represented party: sealActors gives them. */
  userTerm?: string
  representedPartyTerm?: string
  /** "<id>", or "<id>/<version>" */
  contract?: string
  purpose?: string
  /** As it is declared or granted: "GET /persons/*" */
  endpoint?: string
}

/** Identifiers are in the form with colons. */
export type FoundRecord = {
  index: number
  time: string
  kind: string
  direction: string
  outcome: string
  queryId: string
  requestId: string
  clientId: string | null
  serviceId: string | null
  peer: string | null
  answers: number | null
  /** "<id>/<version>"; absent, as the two below, in what an older version wrote. */
  contract?: string | null
  purpose?: string | null
  endpoint?: string | null
}

/** Its members in the order of a table. */
export const FOUND_RECORD_COLUMNS = [
  ...(['index', 'time', 'kind', 'direction', 'outcome', 'queryId', 'requestId'] as const),
  ...(['clientId', 'serviceId', 'peer', 'answers'] as const),
  ...(['contract', 'purpose', 'endpoint'] as const),
] as const satisfies (keyof FoundRecord)[]
