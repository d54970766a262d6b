/**
 * Searches by person in the API; each answer states what it does not cover. Also the declarations of where
 * services carry identifiers.
 */
import type { SubjectPlace } from '#core/subject/place.ts'
import { answer } from '#platform/http-service/answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { colonForm, slashForm } from '#schemas/colon-identifiers.ts'
import { recordLook } from '../../reading/looks.ts'
import { rowView } from '../../reading/record-filter.ts'
import { coverageView, indexView } from './coverage.ts'
import type { Needs } from './needs.ts'
import {
  beginSearch,
  grantedSearch,
  monthsOf,
  type NewSearch,
  ownSearch,
  searchFilter,
  searchTarget,
} from './searches.ts'
import type { SubjectSearchRow } from './store.ts'

const LISTED = 50

export function subjectHandlers(rooms: Needs): Handlers {
  const { audit } = rooms
  const { places } = rooms.subjects

  return {
    getSubjectPlaces: async ({ query }) => {
      const { serviceId } = query as { serviceId?: string }
      const service = serviceId === undefined ? undefined : slashForm(serviceId, 5, 6)
      const declared = await places.list(service)
      return declared.map(({ service: of, ...place }) => ({ serviceId: colonForm(of), ...place }))
    },
    addSubjectPlace: async ({ body, caller }) => {
      const { serviceId, ...place } = body as SubjectPlace & { serviceId: string }
      const by = { by: caller.name, at: new Date(rooms.clock()).toISOString() }
      const id = await places.add(slashForm(serviceId, 5, 6), place, by)
      return answer({ id, serviceId, ...place }, { status: 201 })
    },
    deleteSubjectPlace: ({ params }) => places.delete(Number(params['id'])),

    getSubjectIndex: () => indexView(rooms),
    searchSubject: async ({ body, caller }) => {
      const row = await beginSearch(rooms, body as NewSearch, caller)
      return answer(searchView(row), { status: 201 })
    },
    getSubjectSearches: async ({ caller }) =>
      (await rooms.subjects.searches.listOf(caller.id, LISTED)).map(searchView),
    getSubjectSearch: async ({ params, caller }) => searchView(await ownSearch(rooms, params['id']!, caller)),
    async findSubjectRecords(input) {
      const row = await grantedSearch(rooms, input.params['id']!, input.caller)
      const { before, limit } = input.query as { before?: number; limit: number }
      const page = { limit, ...(before === undefined ? {} : { before }) }
      const records = (await rooms.logFor(input.caller).list({ ...searchFilter(row), ...page })).map(rowView)
      const { case_number, reason, type } = row
      await recordLook(audit, 'findSubjectRecords', searchTarget(row.id), input, {
        ...{ case: case_number, reason, type, hash: monthsOf(row).months.at(-1)?.hash ?? null },
        indexes: records.map(({ index }) => index),
      })
      return { records, ...(await coverageView(rooms, row)) }
    },
  }
}

function searchView(row: SubjectSearchRow) {
  const { months } = monthsOf(row)
  return {
    id: row.id,
    askedAt: row.asked_at,
    askedBy: row.asked_by_name,
    case: row.case_number,
    reason: row.reason,
    type: row.type,
    from: row.period_from,
    to: row.period_to,
    /** The hash of the newest month. Searches for the same person in the same month have the same hash. */
    hash: months.at(-1)?.hash ?? null,
    expiresAt: row.expires_at,
  }
}
