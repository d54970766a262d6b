/** A search as the API takes it, and what it finds as the API gives it: ids with colons, times in one form. */
import type { RecordFilter, SearchRow } from '../message-log/search/store.ts'
import { colonForm, slashForm } from './ids.ts'

/** The parameters of findRecords but for its page. */
export type FilterInput = {
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
}

/** Throws `invalid_client_identifier`. */
export function recordFilter(input: FilterInput): RecordFilter {
  const { clientId, serviceId, partyId, peerId, from, to, ...rest } = input
  return {
    ...rest,
    ...(clientId === undefined ? {} : { client: slashForm(clientId, 3, 4) }),
    ...(serviceId === undefined ? {} : { service: slashForm(serviceId, 5, 6) }),
    ...(partyId === undefined ? {} : { party: slashForm(partyId, 3, 4) }),
    ...(peerId === undefined ? {} : { peer: slashForm(peerId, 4, 4) }),
    // One form of time for text comparison, whatever offset was given.
    ...(from === undefined ? {} : { from: isoTime(from) }),
    ...(to === undefined ? {} : { to: isoTime(to) }),
  }
}

export function isoTime(text: string): string {
  return new Date(text).toISOString()
}

export type RowView = ReturnType<typeof rowView>

export function rowView(row: SearchRow) {
  return {
    index: Number(row.idx),
    time: row.time,
    kind: row.kind,
    direction: row.direction,
    outcome: row.outcome,
    queryId: row.query_id,
    requestId: row.request_id,
    clientId: idView(row.client),
    serviceId: idView(row.service),
    peer: idView(row.peer),
    answers: row.answers === null ? null : Number(row.answers),
  }
}

function idView(id: string): string | null {
  return id === '' ? null : colonForm(id)
}
