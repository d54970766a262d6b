/** Converts a search from the API's form, and its results into that form: ids with colons, times in UTC. */

import { colonForm, slashForm } from '#schemas/colon-identifiers.ts'
import type { FoundRecord, RecordQuestion } from '#schemas/found-record.ts'
import { wholeNumber } from '#schemas/sent-values.ts'
import type { FoundRow, RecordFilter } from './index/search-filter.ts'

/** A search as an export stores it: with the entries of the search by person from which it was ordered. */
export type KeptFilter = RecordQuestion & {
  subjectSearch?: string
  subjects?: string[]
  /** The subsystem that the registry was asked at then, where calls of upkeep are asked for or left out. */
  managementId?: string
}

/** Throws `invalid_client_identifier`. */
export function recordFilter(input: KeptFilter): RecordFilter {
  const {
    subjectSearch: _search,
    managementId,
    clientId,
    serviceId,
    partyId,
    peerId,
    from,
    to,
    ...rest
  } = input
  return {
    ...rest,
    ...(clientId === undefined ? {} : { client: slashForm(clientId, 3, 4) }),
    ...(serviceId === undefined ? {} : { service: slashForm(serviceId, 5, 6) }),
    ...(partyId === undefined ? {} : { party: slashForm(partyId, 3, 4) }),
    ...(peerId === undefined ? {} : { peer: slashForm(peerId, 4, 4) }),
    ...(managementId === undefined ? {} : { management: slashForm(managementId, 3, 4) }),
    // Times are compared as text, so all get one form, whatever their offset.
    ...(from === undefined ? {} : { from: isoTime(from) }),
    ...(to === undefined ? {} : { to: isoTime(to) }),
  }
}

/** The stored filter as people see it: a search by person is shown by its id, without the hashes. */
export function shownFilter(kept: string): Omit<KeptFilter, 'subjects'> {
  const { subjects: _entries, ...shown } = JSON.parse(kept) as KeptFilter
  return shown
}

export function isoTime(text: string): string {
  return new Date(text).toISOString()
}

export function rowView(row: FoundRow): FoundRecord {
  return {
    index: wholeNumber(row.idx),
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
