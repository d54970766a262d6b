/**
 * Searches by person. Only the key holder receives the identifier. This server stores the search with its
 * case, its asker and hashes; its records can be listed in pages and exported. If a second auditor is needed,
 * they agree to this search.
 */
import { randomUUID } from 'node:crypto'
import { normaliseIdentifier } from '#core/subject/identifier.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { personBehind } from '#platform/people/person-behind.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { SubjectMonths } from '#schemas/subject-keys.ts'
import type { RecordFilter } from '../../reading/index/search-filter.ts'
import { isoTime } from '../../reading/record-filter.ts'
import { subjectEntry } from './log/entry.ts'
import type { Needs } from './needs.ts'
import type { SubjectSearchRow } from './store.ts'

export type NewSearch = {
  type: string
  identifier: string
  case: string
  reason: string
  from?: string
  to?: string
}

/** A grant is valid for a day, and a request for one for a week. */
const KEPT_MS = 7 * 86_400_000

/** The name of a search in a content request. */
export function searchTarget(id: string): string {
  return `search ${id.toLowerCase()}`
}

/** The part of the key holder that searches use. Throws `conflict` if none is configured. */
function searchKeys({ subjects }: Pick<Needs, 'subjects'>) {
  if (subjects.keys === undefined)
    throw new Fault('conflict', {
      what: say`the settings have no \`subjectKeys\`: name the holder and start again (docs/data-subjects.md)`,
    })
  return subjects.keys
}

/**
 * Has the identifier evaluated, records the search with its hash in the audit log, and stores it. Throws
 * `invalid_input`, `conflict`, `subject_searches_used_up`, `subject_keys_unavailable`.
 */
export async function beginSearch(rooms: Needs, given: NewSearch, caller: Caller): Promise<SubjectSearchRow> {
  const keys = searchKeys(rooms)
  const { type, identifier, case: number, reason } = given
  if (normaliseIdentifier(identifier) === undefined)
    throw new Fault('invalid_input', {
      what: say`the identifier is empty, too long, or holds signs that nobody sees`,
    })
  const [from, to] = [given.from, given.to].map((time) => (time === undefined ? undefined : isoTime(time)))
  if (from !== undefined && to !== undefined && from >= to)
    throw new Fault('invalid_input', { what: say`from has to be before to` })
  const months = await keys.evaluateSearch({
    ...{ type, identifier, case: number, reason },
    person: { id: await whoseTurn(caller, rooms), name: caller.name },
    ...(from !== undefined && { from: from.slice(0, 7) }),
    ...(to !== undefined && { to: to.slice(0, 7) }),
  })
  const id = randomUUID()
  const now = rooms.clock()
  await rooms.audit.before({
    caller: { id: caller.id, name: caller.name },
    operation: 'searchedSubject',
    target: searchTarget(id),
    data: { case: number, reason, type, from, to, searched: months.months.length, ...months.months.at(-1) },
  })
  const row: SubjectSearchRow = {
    ...{ id, asked_by: caller.id, asked_by_name: caller.name, asked_at: new Date(now).toISOString() },
    ...{ case_number: number, reason, type, period_from: from ?? null, period_to: to ?? null },
    months: JSON.stringify(months),
    expires_at: new Date(now + KEPT_MS).toISOString(),
  }
  await rooms.subjects.searches.add(row)
  return row
}

/**
 * By whom the holder counts: who made keys has one count, and not one for each key. Keys of the operator may
 * be handed to several people, so each counts for itself.
 */
async function whoseTurn(caller: Caller, { apiKeys }: Pick<Needs, 'apiKeys'>): Promise<string> {
  const first = await personBehind(caller, apiKeys)
  return (await apiKeys.find(first)) === undefined ? first : caller.id
}

/** The search, if the caller ordered it. Throws `not_found`, `forbidden`. */
export async function ownSearch(rooms: Needs, id: string, caller: Caller): Promise<SubjectSearchRow> {
  const row = await rooms.subjects.searches.find(id.toLowerCase())
  if (row === undefined || row.expires_at <= new Date(rooms.clock()).toISOString())
    throw new Fault('not_found', { what: say`there is no such search: it is kept for a week` })
  if (row.asked_by !== caller.id)
    throw new Fault('forbidden', { what: say`another auditor searched: search yourself, for your own case` })
  return row
}

/**
 * The search, if the caller may see its results now. Throws `content_not_granted`, and the faults of
 * `ownSearch`.
 */
export async function grantedSearch(rooms: Needs, id: string, caller: Caller): Promise<SubjectSearchRow> {
  const row = await ownSearch(rooms, id, caller)
  await rooms.contentRequests.check({ target: searchTarget(row.id), case: row.case_number, caller })
  return row
}

export function monthsOf({ months }: SubjectSearchRow): SubjectMonths {
  return JSON.parse(months) as SubjectMonths
}

/** The filter for the log's own search, which hides what this reader may not see. */
export function searchFilter(row: SubjectSearchRow): RecordFilter {
  return {
    subjects: monthsOf(row).months.map(({ month, hash }) => subjectEntry(month, hash)),
    ...(row.period_from === null ? {} : { from: row.period_from }),
    ...(row.period_to === null ? {} : { to: row.period_to }),
  }
}
