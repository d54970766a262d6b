/**
 * Handlers of the operations on management requests: lists, everything needed to decide about one, decisions,
 * rules of automatic approval.
 */
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { checkCode, idText, type MemberId } from '#schemas/identifiers.ts'
import { type RequestKind, signersOf } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import { checkReason } from '../../changes/decision.ts'
import type { Page } from '../../changes/store.ts'
import { instanceOf } from '../../members/instance.ts'
import { encodedId, encodedServer, memberIdOf } from '../../members/rules.ts'
import type { MemberStore } from '../../members/store.ts'
import type { WebhookStore } from '../../members/webhooks/store.ts'
import { checkUrl } from '../../trust/rules.ts'
import type { AutomaticApprovalStore } from './automatic-store.ts'
import { type RequestRow, subjectOf } from './rows-store.ts'
import { contentHashOf } from './rules.ts'
import type { Filter, RequestStore } from './store.ts'

type Rooms = {
  store: RequestStore
  automatic: AutomaticApprovalStore
  webhooks: WebhookStore
  members: Pick<MemberStore, 'parameters'>
  clock: Clock
}

export function requestHandlers({
  store,
  automatic,
  webhooks,
  members,
  clock,
}: Rooms): Record<string, OperationHandler> {
  const named = ({ kind, name, id }: Caller): string => `${name} (${kind} ${id})`
  const decision = (caller: Caller, approver?: Caller) => ({
    by: approver === undefined ? named(caller) : `${named(caller)}, approved by ${named(approver)}`,
    at: new Date(clock()).toISOString(),
  })
  const numberOf = (params: Record<string, string>): number => Number(params['id'])
  const ruleOf = (params: Record<string, string>): [RequestKind, string] => [
    params['kind'] as RequestKind,
    checkCode(params['memberClass']!),
  ]

  const memberOf = async (params: Record<string, string>): Promise<MemberId> =>
    memberIdOf(params['id']!, await instanceOf(members))

  return {
    getManagementRequests: async ({ query }) => {
      const page = query as Page & Filter
      return listAnswer((await store.list(page)).map(summary), page, () => store.count(page))
    },
    getManagementRequest: async ({ params }) => {
      const { row, proofs, assessment, hosting } = await store.find(numberOf(params), clock())
      const signers = Object.values(signersOf(subjectOf(row))).flat()
      const signed = proofs.map(({ signer }) => signer)
      return {
        ...summary(row),
        subject: subjectOf(row),
        contentHash: contentHashOf(row.content_hash, assessment),
        proofs,
        waitsFor:
          row.state === 'WAITING' ? signers.filter((one) => !signed.includes(one)).map(encodedId) : [],
        ...assessment,
        ...(hosting === undefined
          ? {}
          : {
              hosting: { ...hosting, host: encodedId(hosting.host), client: encodedId(hosting.client) },
            }),
      }
    },
    approveManagementRequest: async ({ params, body, caller, approver }) => {
      const { contentHash } = body as { contentHash: string }
      return summary(await store.approve(numberOf(params), contentHash, decision(caller, approver)))
    },
    declineManagementRequest: async ({ params, body, caller }) => {
      const { reason } = body as { reason: string }
      return summary(await store.decline(numberOf(params), checkReason(reason), decision(caller)))
    },
    revokeManagementRequest: async ({ params, caller }) =>
      summary(await store.revoke(numberOf(params), decision(caller))),
    getAutomaticApprovals: async () =>
      (await automatic.list()).map(({ kind, member_class }) => ({ kind, memberClass: member_class })),
    setAutomaticApproval: ({ params }) => automatic.set(...ruleOf(params)),
    deleteAutomaticApproval: ({ params }) => automatic.delete(...ruleOf(params)),
    getWebhook: async ({ params }) => {
      const url = await webhooks.urlOf(idText(await memberOf(params)))
      if (url === undefined) throw new Fault('not_found', { what: say`this member has no webhook` })
      return { url }
    },
    setWebhook: async ({ params, body }) =>
      webhooks.set(await memberOf(params), checkUrl((body as { url: string }).url)),
    deleteWebhook: async ({ params }) => webhooks.delete(await memberOf(params)),
  }
}

function summary(row: RequestRow) {
  return {
    id: row.id,
    kind: row.kind,
    state: row.state,
    owner: encodedId(row.owner),
    server: encodedServer(row.server),
    ...(row.client === null ? {} : { client: encodedId(row.client) }),
    filedAt: row.filed_at,
    ...(row.decided_at === null ? {} : { decidedAt: row.decided_at, decidedBy: row.decided_by }),
    ...(row.reason === null ? {} : { reason: row.reason }),
  }
}
