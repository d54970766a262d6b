/** What a legal hold covers: records that match all given parts. At least one part must be given. */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { SearchRow } from '../../../reading/index/search-filter.ts'

export type HoldScope = {
  /** Single records. */
  indexes?: number[]
  /** All records with this message id (x-road-id). */
  queryId?: string
  /** ISO times: `from` is included, `to` is not. */
  from?: string
  to?: string
  /** A subsystem or member that is the client, or that provides the service. */
  party?: string
  /** A service identifier, with its version if it has one. */
  service?: string
  /** The other security server. */
  peer?: string
}

export type ActiveHold = { id: number; caseNumber: string; scope: HoldScope }

/** The fields of a record that a scope is compared with. */
type Held = Pick<SearchRow, 'idx' | 'time' | 'query_id' | 'client' | 'service' | 'peer'>

const MAX_INDEXES = 1000

/**
 * Throws `invalid_input` for a scope without any part, and for one that lists no record or more than
 * MAX_INDEXES.
 */
export function checkScope(scope: HoldScope): void {
  if (Object.values(scope).every((part) => part === undefined))
    throw new Fault('invalid_input', {
      what: say`a hold names records, a message id, times, a party or a service`,
    })
  if (scope.indexes !== undefined && (scope.indexes.length === 0 || scope.indexes.length > MAX_INDEXES))
    throw new Fault('invalid_input', { what: say`a hold names 1 to ${MAX_INDEXES} records` })
}

export function covers(scope: HoldScope, record: Held): boolean {
  const { indexes, queryId, from, to, party, service, peer } = scope
  return (
    (indexes === undefined || indexes.includes(record.idx)) &&
    (queryId === undefined || record.query_id === queryId) &&
    (from === undefined || record.time >= from) &&
    (to === undefined || record.time < to) &&
    (party === undefined || isParty(party, record)) &&
    (service === undefined || record.service === service) &&
    (peer === undefined || record.peer === peer)
  )
}

/** A member's identifier covers its subsystems. */
function isParty(party: string, { client, service }: Held): boolean {
  return client === party || client.startsWith(`${party}/`) || service.startsWith(`${party}/`)
}
