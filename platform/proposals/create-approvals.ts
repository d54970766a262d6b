/**
 * Stores proposals and carries out each approved one once. The claim is durable before the act begins. When a
 * process died during an act, nobody guesses the outcome.
 */
import { createHash, randomUUID } from 'node:crypto'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { Within } from '#platform/database/open-database.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { CallInput, FourEyes } from '#platform/http-service/four-eyes.ts'
import type { RegisteredOpenApi } from '#platform/http-service/openapi.ts'
import type { Operation } from '#platform/http-service/openapi-operations.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { checkContent, checkDecider, checkOpen, contentText, readContent } from './rules.ts'
import type { ProposalRow, ProposalStore } from './store.ts'

/** What approvals need to know about proposers; implemented in proposers.ts from people and API keys. */
export type Proposers = {
  /**
   * The roles that the person or key has now. Empty when the person is not active or no active person answers
   * for the key. In a transaction nobody takes a person's roles away until its end.
   */
  rolesOf(of: { kind: string; id: string }, within?: Within): Promise<string[]>
  /**
   * The active person who made an API key, at the start of the chain of keys; null for keys of the operator.
   */
  makerOf(key: string): Promise<string | null>
}

export type Approvals = FourEyes & {
  approve(id: string, seen: string, caller: Caller): Promise<ProposalRow>
  reject(id: string, reason: string, caller: Caller): Promise<ProposalRow>
  withdraw(id: string, caller: Caller): Promise<ProposalRow>
  /** Marks expired proposals, and marks as failed the acts whose process never recorded their end. */
  settle(): Promise<void>
}

const OPEN_MS = 7 * 86_400_000
const MOST_OPEN = 100
/** Characters of a content: people read it, and lists hold many of them in memory. */
const MOST_CONTENT = 512 * 1024
/** Longer than any act takes: the time limits of its statements and its request are far shorter. */
const GIVE_UP_MS = 120_000
const UNKNOWN =
  'The outcome is not known: the server ended while it carried this out. Look whether it took effect before you propose it again.'

export function createApprovals(q: {
  store: ProposalStore
  proposers: Proposers
  /** Whether two people are needed for this call of an operation now; without one, for any. */
  isRequired(operation?: Operation, call?: CallInput): Promise<boolean>
  /** The roles that may call an operation, from the API's document. */
  rolesFor(operation: string): string[]
  perform: RegisteredOpenApi['perform']
  audit: Pick<AuditLog, 'before'>
  clock: Clock
  log: Log
}): Approvals {
  const { store, proposers, rolesFor } = q
  const iso = (ms = q.clock()): string => new Date(ms).toISOString()

  return {
    isRequired: (operation, call) => q.isRequired(operation, call),
    async checkAnswerable({ kind, id }) {
      // Anybody could hold such a key, also the person who approves or the person whom the act is about.
      if (kind === 'key' && (await q.isRequired()) && (await proposers.makerOf(id)) === null)
        throw new Fault('key_without_person')
    },
    async propose({ operation, params, query, body, target, reason, caller }) {
      const content = contentText({ operation, params, query, body })
      if (content.length > MOST_CONTENT)
        throw new Fault('body_too_large', { what: say`more than a second person could read` })
      const now = q.clock()
      const row: ProposalRow = {
        id: randomUUID(),
        operation,
        target,
        content,
        sha256: createHash('sha256').update(content).digest('hex'),
        reason,
        proposer_kind: caller.kind,
        proposer_id: caller.id,
        proposer_name: caller.name,
        proposer_maker: caller.kind === 'key' ? await proposers.makerOf(caller.id) : null,
        proposed_at: iso(now),
        expires_at: iso(now + OPEN_MS),
        state: 'proposed',
        ...UNDECIDED,
      }
      await store.insert(row, MOST_OPEN)
      return { id: row.id, contentSha256: row.sha256, state: row.state, expiresAt: row.expires_at }
    },
    async approve(id, seen, approver) {
      let roles: string[] = []
      const row = await store.decide(id, async (found, within) => {
        checkDecider(found, await asOfNow(approver, within), rolesFor(found.operation))
        checkOpen(found, iso())
        checkContent(found, seen)
        const { proposer_kind: kind, proposer_id: proposer } = found
        roles = await proposers.rolesOf({ kind, id: proposer }, within)
        if (!rolesFor(found.operation).some((role) => roles.includes(role)))
          throw new Fault('conflict', { what: say`who proposed this may not do it any more; reject it` })
        return { state: 'approved', decider_id: approver.id, decider_name: approver.name, decided_at: iso() }
      })
      // From here on nobody carries it out a second time, even when this process dies.
      await carryOut(row, roles, approver)
      const ended = await store.find(id)
      await recordEnd(ended)
      return ended
    },
    reject: (id, reason, caller) =>
      store.decide(id, async (found, within) => {
        checkDecider(found, await asOfNow(caller, within), rolesFor(found.operation))
        checkOpen(found, iso())
        const decided = { decider_id: caller.id, decider_name: caller.name, decided_at: iso() }
        return { state: 'rejected', decision_reason: reason, ...decided }
      }),
    withdraw: (id, caller) =>
      store.decide(id, (found) => {
        if (found.proposer_id !== caller.id) throw new Fault('not_proposer')
        checkOpen(found, iso())
        return { state: 'withdrawn', decider_id: caller.id, decider_name: caller.name, decided_at: iso() }
      }),
    async settle() {
      await store.expire(iso())
      for (const row of await store.giveUp(iso(q.clock() - GIVE_UP_MS), UNKNOWN)) await recordEnd(row)
    },
  }

  /**
   * Who decides, with the roles of this moment: somebody may have locked them since their request came in.
   * Throws `session_ended`, as their next request would.
   */
  async function asOfNow(caller: Caller, within: Within): Promise<Caller> {
    if (caller.kind !== 'person') return caller
    const roles = await proposers.rolesOf(caller, within)
    if (roles.length === 0) throw new Fault('session_ended')
    return { ...caller, roles }
  }

  /**
   * Records how the act ended, with both names: the audit record made before the act only says that it began.
   */
  async function recordEnd(row: ProposalRow): Promise<void> {
    const { id, operation, state, result, failure, proposer_id, proposer_name, decider_id, decider_name } =
      row
    const act = {
      caller: { id: decider_id ?? '', name: decider_name ?? '' },
      operation: state === 'approved' ? 'proposalCarriedOut' : 'proposalFailed',
      target: `/api/v1/approvals/${id}`,
      data: { operation, result, failure, proposedBy: { id: proposer_id, name: proposer_name } },
    }
    // The act is done, so a failure to record it undoes nothing; the proposal itself has the same facts.
    await q.audit.before(act).catch((err: unknown) => {
      q.log.error({ err, proposal: id }, 'the end of a proposal could not be recorded')
    })
  }

  async function carryOut(row: ProposalRow, roles: string[], approver: Caller): Promise<void> {
    const { id, target, reason, proposer_id, proposer_name } = row
    const kind = row.proposer_kind as Caller['kind']
    const caller = { kind, id: proposer_id, name: proposer_name, roles }
    const end = { state: 'approved' as const, result: null, failure: null }
    try {
      const call = { ...readContent(row.content), target, proposal: id, reason, caller, approver }
      const result = await q.perform(call)
      const kept = result === undefined ? null : JSON.stringify(result)
      await store.finish(id, { ...end, result: kept, finished_at: iso() })
    } catch (thrown) {
      const fault = asFault(thrown)
      q.log.warn({ err: thrown, detail: fault.detail, proposal: id }, 'an approved proposal failed')
      // After a time-out of the database, for example, nobody knows whether the act was committed.
      const doubt = fault.status >= 500 ? 'The outcome is not known. ' : ''
      const failure = `${doubt}${fault.message} Detail: ${fault.detail}`
      await store.finish(id, { ...end, state: 'failed', failure, finished_at: iso() })
    }
  }
}

const UNDECIDED = {
  decider_id: null,
  decider_name: null,
  decided_at: null,
  decision_reason: null,
  finished_at: null,
  result: null,
  failure: null,
}
