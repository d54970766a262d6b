/** Handlers of the operations on proposals. */
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { checkReason } from '#platform/http-service/four-eyes.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Operation } from '#platform/http-service/openapi-operations.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Json } from '#schemas/sent-values.ts'
import type { Approvals } from './create-approvals.ts'
import { explain, type Known, summaryOf } from './explain.ts'
import { mayDecide, readable, stateAt } from './rules.ts'
import type { ProposalPage, ProposalRow, ProposalStore, View } from './store.ts'

type Rooms = {
  store: Pick<ProposalStore, 'find' | 'list' | 'count'>
  approvals: Approvals
  /** The operations that a second person has to approve. */
  operations(): Pick<Operation, 'id' | 'roles'>[]
  known: Known
  /** Whether a caller sees proposals of acts that are not theirs, too. */
  seesAll(caller: Caller): boolean
  clock: Clock
}

type ApprovalHandlers = {
  handlers: Record<string, OperationHandler>
  /** How many proposals this caller may decide now. */
  countWaiting(caller: Caller): Promise<number>
}

export function approvalHandlers(q: Rooms): ApprovalHandlers {
  const { store, approvals, operations, clock } = q
  const now = (): string => new Date(clock()).toISOString()
  const rolesFor = (row: ProposalRow): string[] =>
    operations().find(({ id }) => id === row.operation)?.roles ?? []
  const inList = (row: ProposalRow, caller: Caller) =>
    describe(row, now(), mayDecide(row, caller, rolesFor(row), now()))
  const whole = async (row: ProposalRow, caller: Caller) => ({
    ...inList(row, caller),
    content: row.content,
    explained: await explain(readable(row.content), q.known, caller),
  })

  /** Throws `not_found` for a proposal that is not this caller's to see. */
  function checkSees(caller: Caller, row: ProposalRow): void {
    const isTheirs = rolesFor(row).some((role) => caller.roles.includes(role))
    if (isTheirs || row.proposer_id === caller.id || q.seesAll(caller)) return
    throw new Fault('not_found', { what: say`the proposal ${row.id}` })
  }

  function viewOf(view: string, caller: Caller): View | undefined {
    const own = operations().filter(({ roles }) => roles.some((role) => caller.roles.includes(role)))
    if (view === 'all') {
      if (q.seesAll(caller)) return { view }
      return { view, only: { caller: caller.id, operations: own.map(({ id }) => id) } }
    }
    if (view === 'mine') return { view, caller: caller.id }
    // API keys cannot decide, so no proposal waits for one.
    if (caller.kind !== 'person' || own.length === 0) return undefined
    return { view: 'waiting', caller: caller.id, operations: own.map(({ id }) => id), now: now() }
  }

  const handlers: Record<string, OperationHandler> = {
    getProposals: async ({ query, caller }) => {
      const { view: name, id, ...page } = query as { view: string } & ProposalPage
      const narrowed = { ...page, id: id?.map((one) => one.toLowerCase()) }
      const view = viewOf(name, caller)
      if (view === undefined) return listAnswer([], page, async () => 0)
      const rows = (await store.list(view, narrowed)).map((row) => inList(row, caller))
      return listAnswer(rows, page, () => store.count(view, narrowed))
    },
    getProposal: async ({ params, caller }) => {
      const row = await store.find(idOf(params))
      checkSees(caller, row)
      return whole(row, caller)
    },
    approveProposal: async ({ params, body, caller }) => {
      const { contentSha256 } = body as { contentSha256: string }
      return whole(await approvals.approve(idOf(params), contentSha256, caller), caller)
    },
    rejectProposal: async ({ params, body, caller }) => {
      const reason = checkReason((body as { reason: string }).reason)
      return whole(await approvals.reject(idOf(params), reason, caller), caller)
    },
    withdrawProposal: async ({ params, caller }) =>
      whole(await approvals.withdraw(idOf(params), caller), caller),
  }
  return {
    handlers,
    countWaiting: async (caller) => {
      const view = viewOf('waiting', caller)
      return view === undefined ? 0 : store.count(view)
    },
  }
}

function idOf(params: Record<string, string>): string {
  return params['id']!.toLowerCase()
}

function describe(row: ProposalRow, now: string, mayDecide: boolean) {
  const { id, operation, target, reason, sha256, failure } = row
  return {
    id,
    operation,
    target,
    contentSha256: sha256,
    summary: summaryOf(readable(row.content)),
    reason,
    proposedBy: { kind: row.proposer_kind, id: row.proposer_id, name: row.proposer_name },
    proposedAt: row.proposed_at,
    expiresAt: row.expires_at,
    state: stateAt(row, now),
    decidedBy: row.decider_id === null ? null : { id: row.decider_id, name: row.decider_name },
    decidedAt: row.decided_at,
    decisionReason: row.decision_reason,
    finishedAt: row.finished_at,
    /** What the proposed operation answered when it was carried out: its own answer. */
    result: row.result === null ? null : (JSON.parse(row.result) as Json),
    failure,
    mayDecide,
  }
}
