/** A search as the API takes it, and what it finds as the API gives it: ids with colons, times in one form. */

import { colonForm, slashForm } from '#schemas/colon-identifiers.ts'
import type { FoundRecord, RecordQuestion } from '#schemas/found-record.ts'
import type { FoundRow, RecordFilter } from './index/search-filter.ts'

/** As an export keeps it: with the entries of the search by person from which it was ordered. */
export type KeptFilter = RecordQuestion & { subjectSearch?: string; subjects?: string[] }

/** Throws `invalid_client_identifier`. */
export function recordFilter(input: KeptFilter): RecordFilter {
  const { subjectSearch: _search, clientId, serviceId, partyId, peerId, from, to, ...rest } = input
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

/** What people are told of a kept filter: the search by person by its id, not by its hashes. */
export function shownFilter(kept: string): RecordQuestion & { subjectSearch?: string } {
  const { subjects: _entries, ...shown } = JSON.parse(kept) as KeptFilter
  return shown
}

export function isoTime(text: string): string {
  return new Date(text).toISOString()
}

export function rowView(row: FoundRow): FoundRecord {
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
    contract: row.contract || null,
    purpose: row.purpose || null,
    endpoint: row.endpoint || null,
  }
}

function idView(id: string): string | null {
  return id === '' ? null : colonForm(id)
}
