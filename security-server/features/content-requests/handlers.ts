/** Operations on requests to see content: asked by one auditor, decided by another. */
import { answer } from '#platform/http-service/answer.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { Handlers, OperationInput } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import type { AdminRooms } from '../../admin/rooms.ts'
import { collectExchange } from '../../reading/evidence/write-bundle.ts'
import { clearanceOf, type ReadableLog } from '../../reading/readable-log.ts'
import { ownSearch, searchTarget } from '../person-search/searches.ts'
import { archiveTarget } from '../retention/handlers.ts'
import type { ContentRequest, RequestFilter } from './store.ts'

type Asked = {
  index?: number
  exportId?: string
  searchId?: string
  archiveId?: number
  case: string
  reason: string
}

/** By what an exchange is known in a request: its first record. Throws `not_found`, `record_is_secret`. */
async function exchangeTarget(log: ReadableLog, index: number): Promise<string> {
  const { indexes } = await collectExchange({ log }, index)
  return `exchange ${Math.min(...indexes)}`
}

export function exportTarget(id: string): string {
  return `export ${id.toLowerCase()}`
}

/** Throws `content_not_granted` where a second auditor has to agree that this exchange is shown, and has not. */
export async function checkGranted(
  { contentRequests, logFor }: Pick<AdminRooms, 'contentRequests' | 'logFor'>,
  { params, query, caller }: OperationInput,
): Promise<void> {
  if (!contentRequests.isRequired) return
  const target = await exchangeTarget(logFor(caller), Number(params['index']))
  await contentRequests.check({ target, case: String(query['case']), caller })
}

export function contentRequestHandlers(rooms: AdminRooms): Handlers {
  const { contentRequests, logFor, exports, messageLog } = rooms

  const view = (row: ContentRequest) => ({
    id: row.id,
    target: row.target,
    case: row.case_number,
    reason: row.reason,
    askedBy: { id: row.asked_by, name: row.asked_by_name },
    askedAt: row.asked_at,
    state: contentRequests.isVoid(row) ? 'void' : row.state,
    decidedBy: row.decided_by_name,
    decidedAt: row.decided_at,
    decisionReason: row.decision_reason,
  })
  const targetOf = async (
    { index, exportId, searchId, archiveId, case: number }: Asked,
    caller: Caller,
  ): Promise<string> => {
    if ([index, exportId, searchId, archiveId].filter((one) => one !== undefined).length !== 1)
      throw new Fault('invalid_input', { what: 'one of index, exportId, searchId and archiveId is needed' })
    if (searchId !== undefined) {
      const search = await ownSearch(rooms, searchId, caller)
      if (search.case_number !== number)
        throw new Fault('invalid_input', { what: `the search is of case ${search.case_number}` })
      return searchTarget(searchId)
    }
    if (archiveId !== undefined) {
      await messageLog.retention.archive({ id: archiveId, clearance: clearanceOf(caller) })
      return archiveTarget(archiveId)
    }
    if (index !== undefined) return exchangeTarget(logFor(caller), index)
    const found = await exports.store.get(exportId!.toLowerCase())
    if (found?.format !== 'bundles' || found.clearance > clearanceOf(caller))
      throw new Fault('not_found', { what: `an export of bundles, ${exportId}` })
    return exportTarget(exportId!)
  }

  return {
    getContentRequests: async ({ query }) => {
      const { offset, limit, ...filter } = query as RequestFilter & { offset: number; limit: number }
      const page = { offset, limit }
      const rows = await contentRequests.store.list({ ...filter, ...page })
      return listAnswer(rows.map(view), page, () => contentRequests.store.count(filter))
    },
    askForContent: async ({ body, caller }) => {
      const asked = body as Asked
      const target = await targetOf(asked, caller)
      const row = await contentRequests.ask({ target, case: asked.case, reason: asked.reason, caller })
      return answer(view(row), { status: 201 })
    },
    grantContentRequest: async ({ params, body, caller }) => {
      const { reason = null } = (body ?? {}) as { reason?: string }
      return view(
        await contentRequests.decide({ id: params['id']!.toLowerCase(), state: 'granted', reason, caller }),
      )
    },
    declineContentRequest: async ({ params, body, caller }) => {
      const { reason } = body as { reason: string }
      return view(
        await contentRequests.decide({ id: params['id']!.toLowerCase(), state: 'declined', reason, caller }),
      )
    },
  }
}
