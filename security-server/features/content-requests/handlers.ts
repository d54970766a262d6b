/** Operations on requests to see content: one auditor asks, another one decides. */
import { answer } from '#platform/http-service/answer.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { TargetKind } from './create-content-requests.ts'
import type { Needs } from './needs.ts'
import type { ContentRequest, RequestFilter } from './store.ts'

type Asked = {
  index?: number
  exportId?: string
  searchId?: string
  archiveId?: number
  case: string
  reason: string
}

export function contentRequestHandlers(rooms: Needs): Handlers {
  const { contentRequests } = rooms

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
      throw new Fault('invalid_input', {
        what: say`one of index, exportId, searchId and archiveId is needed`,
      })
    const kinds = Object.entries({ index, exportId, searchId, archiveId })
    const [kind, value] = kinds.find(([, one]) => one !== undefined)!
    return contentRequests.targetOf(kind as TargetKind, value!, caller, { case: number })
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
