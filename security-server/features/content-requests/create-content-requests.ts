/** Guarantees, if the policy says so, that an auditor sees content only after a second auditor has agreed. */
import { randomUUID } from 'node:crypto'
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { checkAnswerable, checkUnchanged, whyNotTwo } from '#platform/people/second-person.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { type ContentRequest, type ContentRequestStore, createContentRequestStore } from './store.ts'

/** The kinds of content that can be requested, by their field in a request. */
export type TargetKind = 'index' | 'exportId' | 'searchId' | 'archiveId'

/** Returns the name of the requested content. Throws when this caller may not request it. */
type TargetOf = (value: never, caller: Caller, q: { case: string }) => Promise<string>

export type ContentRequests = {
  /** Each feature with content of this kind calls this once. */
  register(kind: TargetKind, targetOf: TargetOf): void
  /** Throws `not_found` for a kind that no feature registered, and the faults of its `TargetOf`. */
  targetOf(kind: TargetKind, value: string | number, caller: Caller, q: { case: string }): Promise<string>
  /** Whether the server's policy wants a second auditor. */
  isRequired: boolean
  store: Pick<ContentRequestStore, 'list' | 'count'>
  /**
   * Throws `conflict` when no second auditor is needed, when the same request already waits, or when too many
   * of the caller's do; `key_without_person`.
   */
  ask(q: { target: string; case: string; reason: string; caller: Caller }): Promise<ContentRequest>
  /**
   * Throws `not_found`, `conflict`, `not_in_person`, `not_second_person`, `key_without_person`,
   * `session_ended`.
   */
  decide(q: {
    id: string
    state: 'granted' | 'declined'
    reason: string | null
    caller: Caller
  }): Promise<ContentRequest>
  /** Throws `content_not_granted` if a second auditor is needed and none has granted the request. */
  check(q: { target: string; case: string; caller: Caller }): Promise<void>
  /** Whether a waiting request is void, because nobody decided for a week. */
  isVoid(request: ContentRequest): boolean
}

const HOUR_MS = 3_600_000
const GRANTED_MS = 24 * HOUR_MS
const WAITING_MS = 7 * 24 * HOUR_MS
const MOST_WAITING = 100

export function createContentRequests(q: {
  database: Database
  clock: Clock
  apiKeys: Pick<ApiKeys, 'find'>
  people: Pick<PeopleStore, 'find'>
  isRequired: boolean
}): ContentRequests {
  const { clock, isRequired } = q
  const store = createContentRequestStore(q.database)
  const iso = (ms: number): string => new Date(ms).toISOString()
  const isVoid: ContentRequests['isVoid'] = ({ state, asked_at: at }) =>
    state === 'waiting' && clock() - Date.parse(at) > WAITING_MS

  const existing = async (id: string): Promise<ContentRequest> => {
    const found = await store.find(id)
    if (found === undefined) throw new Fault('not_found', { what: say`the request ${id}` })
    return found
  }

  const targets = new Map<TargetKind, TargetOf>()

  return {
    register: (kind, targetOf) => void targets.set(kind, targetOf),
    targetOf: async (kind, value, caller, more) => {
      const targetOf = targets.get(kind)
      if (targetOf === undefined) throw new Fault('not_found', { what: say`content by ${kind}` })
      return targetOf(value as never, caller, more)
    },
    isRequired,
    store,
    isVoid,
    ask: async ({ target, case: caseNumber, reason, caller }) => {
      if (!isRequired)
        throw new Fault('conflict', { what: say`nobody has to agree here: content can be read` })
      await checkAnswerable(caller, q)
      const row: ContentRequest = {
        ...{ id: randomUUID(), target, case_number: caseNumber, reason, state: 'waiting' },
        ...{ asked_by: caller.id, asked_by_name: caller.name, asked_at: iso(clock()) },
        ...{ decided_by: null, decided_by_name: null, decided_at: null, decision_reason: null },
      }
      await store.add(row, { since: iso(clock() - WAITING_MS), most: MOST_WAITING })
      return row
    },
    decide: async ({ id, state, reason, caller }) => {
      if (caller.kind !== 'person') throw new Fault('not_in_person', { what: say`a second auditor agrees` })
      const found = await existing(id)
      const what = await whyNotTwo(found.asked_by, caller.id, q.apiKeys)
      if (what !== undefined) throw new Fault('not_second_person', { what })
      // A version before let such a key ask.
      if (state === 'granted' && (await q.people.find(found.asked_by)) === undefined)
        await checkAnswerable({ kind: 'key', id: found.asked_by }, q)
      if (isVoid(found)) throw new Fault('conflict', { what: say`nobody decided for a week: ask again` })
      const decision = {
        ...{ state, decided_by: caller.id, decided_by_name: caller.name },
        ...{ decided_at: iso(clock()), decision_reason: reason },
      }
      const decided = await store.decide(id, decision, (within) => checkUnchanged(caller, q.people, within))
      const now = await existing(id)
      if (!decided)
        throw new Fault('conflict', {
          what: say`it was decided before: ${now.state}, ${now.decided_by_name ?? '-'}`,
        })
      return now
    },
    check: async ({ target, case: caseNumber, caller }) => {
      if (!isRequired) return
      const since = iso(clock() - GRANTED_MS)
      if (!(await store.isGranted({ target, askedBy: caller.id, caseNumber, since })))
        throw new Fault('content_not_granted', { what: `${target}, case ${caseNumber}` })
    },
  }
}
