/**
 * Reconciliation for auditors: days compared with other servers, statements that both members signed, cases
 * to explain.
 */

import { answer } from '#platform/http-service/answer.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Handlers, OperationInput } from '#platform/http-service/openapi.ts'
import { colonForm, slashForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { Shown, Statement, StatementFinding } from '#schemas/reconciliation.ts'
import { say } from '#schemas/said.ts'
import { wholeNumber } from '#schemas/sent-values.ts'
import { clearanceOf } from '../../reading/readable-log.ts'
import { seesDigests } from '../../reading/sees-digests.ts'
import { errorCode, errorWords } from './error-words.ts'
import type { CaseState, Needs, ReconciledDay, ReconciliationCase } from './needs.ts'

type Query = {
  before?: number
  limit: number
  day?: string
  memberId?: string
  state?: string
  requestId?: string
  assignee?: string
}

export function reconciliationHandlers(rooms: Needs): Handlers {
  const { reconciliation, clock } = rooms
  const own = idText(rooms.server)
  const filterOf = ({ query, caller }: Pick<OperationInput, 'query' | 'caller'>) => {
    const { memberId, ...rest } = query as Query
    return {
      ...rest,
      clearance: clearanceOf(caller),
      ...(memberId === undefined ? {} : { member: slashForm(memberId, 3, 3) }),
    }
  }
  /** Throws `not_found` for a case whose day the caller may not see. */
  const viewOf = async (id: number, caller: Caller) => {
    const found = await reconciliation.cases.getCase(id, clearanceOf(caller))
    const of = await reconciliation.days.get(Number(found.reconciliation), clearanceOf(caller))
    return { found, view: caseView(of, found, own) }
  }
  return {
    getReconciliations: async (input) =>
      (await reconciliation.days.list(filterOf(input))).map((row) => dayView(row, own)),
    async downloadReconciliationStatement({ caller, params }) {
      const id = Number(params['id'])
      const day = await reconciliation.days.get(id, clearanceOf(caller))
      if (day.statement === '')
        throw new Fault('not_found', { what: say`there is no statement about this day yet` })
      const headers = { 'content-disposition': `attachment; filename="reconciliation-${id}.json"` }
      return answer(Buffer.from(day.statement), { headers })
    },
    getReconciliationCases: async (input) => {
      const cases = await reconciliation.cases.listCases(filterOf(input))
      return cases.map(({ of, found }) => caseView(of, found, own))
    },
    async getReconciliationCase({ caller, params }) {
      const id = Number(params['id'])
      const { found, view } = await viewOf(id, caller)
      const isShown = seesDigests(rooms, { caller })
      const proofs = {
        ownProof: shownOf(found.own_proof, isShown),
        peerProof: shownOf(found.peer_proof, isShown),
        peerProofHolds: Number(found.peer_proof_holds) === 1,
      }
      return { ...view, ...proofs }
    },
    async assignReconciliationCase({ caller, params, body }) {
      const id = Number(params['id'])
      await viewOf(id, caller)
      await reconciliation.cases.assign(id, (body as { assignee: string | null }).assignee?.trim() ?? null)
      return (await viewOf(id, caller)).view
    },
    async changeReconciliationCase({ caller, params, body }) {
      const id = Number(params['id'])
      const { state, note } = body as { state: CaseState; note: string }
      await viewOf(id, caller)
      await reconciliation.cases.changeCase(id, {
        state,
        note,
        by: caller.name,
        now: new Date(clock()).toISOString(),
      })
      return (await viewOf(id, caller)).view
    },
  }
}

function dayView(row: ReconciledDay, own: string) {
  return {
    id: wholeNumber(row.id),
    ...partiesOf(row, own),
    state: row.state,
    counts: row.counts === '' ? null : (JSON.parse(row.counts) as Statement['counts']),
    error: errorWords(row.error),
    errorCode: errorCode(row.error),
    attempts: wholeNumber(row.attempts),
    changedAt: row.changed_at,
  }
}

function caseView(of: ReconciledDay, found: ReconciliationCase, own: string) {
  return {
    id: wholeNumber(found.id),
    reconciliationId: Number(of.id),
    ...partiesOf(of, own),
    state: found.state,
    requestId: found.request_id === '' ? null : found.request_id,
    finding: JSON.parse(found.finding) as Omit<StatementFinding, 'requestId'>,
    note: found.note,
    openedAt: found.opened_at,
    changedAt: found.changed_at,
    changedBy: found.changed_by === '' ? null : found.changed_by,
    assignee: found.assignee,
  }
}

/**
 * `ownSide`: which of the statement's two parties we are. The server with the smaller identifier is the
 * first.
 */
function partiesOf({ day, own_member, peer_member, peer_server }: ReconciledDay, own: string) {
  return {
    day,
    ownSide: own < peer_server ? 'first' : 'second',
    memberId: colonForm(own_member),
    peerMemberId: colonForm(peer_member),
    peerServer: colonForm(peer_server),
  }
}

/** What a side showed, without what opens contents by a digest for who may not see it. */
function shownOf(proof: string, isShown: boolean): Partial<Shown> {
  const shown = JSON.parse(proof) as Partial<Shown>
  if (isShown || shown.records === undefined) return shown
  return { ...shown, records: shown.records.map(({ message: _, body: __, ...record }) => record) }
}
