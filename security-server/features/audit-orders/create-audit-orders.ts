/**
 * The steps of an audit order at this server: fetched from the registry, checked, decided by people if the
 * policy wants that, and answered. Each step is recorded in the audit log before it happens. Every order ends
 * with an answer or with a refusal that states the reason.
 */

import { randomUUID } from 'node:crypto'
import {
  type Authority,
  checkInTime,
  type OrderHead,
  readableOrder,
  readHead,
  readOrder,
} from '#core/audit-order/read-order.ts'
import { sealPayload } from '#core/audit-order/seal-answer.ts'
import { readSignedJson } from '#core/signature/signed-json.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import { hasPassed } from '#platform/clock.ts'
import type { Database, Within } from '#platform/database/open-database.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { checkUnchanged } from '#platform/people/second-person.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import {
  AUDIT_DOCUMENT,
  AUDIT_LIMITS,
  type AuditAnswer,
  type AuditOrder,
  type ListedOrder,
} from '#schemas/audit-order.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { PostDocument } from '../../global-configuration/registration/client.ts'
import type { Clearance } from '../../message-log/record-input.ts'
import { type CollectRooms, collect } from './collect.ts'
import { fetchOrders } from './fetch-orders.ts'
import { type AuditOrderRow, type AuditOrderStore, createAuditOrderStore, type OrderState } from './store.ts'

/** `secret`: the authority may also see records under secret contracts. */
export type AuditAuthority = Authority & { secret: boolean }

/** By whom content may be agreed to; `first`: the id of the person or API key that approved. */
export type TwoPeople = {
  /** Throws `key_without_person` for a caller who cannot be the first. */
  checkFirst(): Promise<void>
  /** Whether the first may still approve; `within` a transaction nobody changes that before it ends. */
  stillCounts(first: string, within?: Within): Promise<boolean>
  /** Why the caller is not a different person than the first. */
  whyNot(first: string): Promise<string | undefined>
}

export type AuditOrders = {
  store: Pick<AuditOrderStore, 'get' | 'list' | 'count' | 'waiting'>
  /** For the job: fetches new orders and answers those that are due. */
  run(): Promise<void>
  /**
   * Approves an order. With `two`, an order that asks for content needs two approvals, and the second person
   * must be logged in themselves. Throws `not_found`, `conflict`, `key_without_person`, `not_in_person`,
   * `not_second_person`, `session_ended`.
   */
  approve(id: string, caller: Caller, two?: TwoPeople): Promise<AuditOrderRow>
  /** Refuses an order. Throws `not_found`, `conflict`. */
  refuse(id: string, reason: string, caller: Caller): Promise<AuditOrderRow>
}

type Judged = { head: OrderHead; document: unknown; wrong: string | undefined }

type Rooms = CollectRooms & {
  database: Database
  people: Pick<PeopleStore, 'find'>
  audit: Pick<AuditLog, 'before'>
  post: PostDocument
  authorities: readonly AuditAuthority[]
  /** Whether people of this server must approve an order before it is answered. */
  needsApproval: boolean
  log: Log
}

const PATH = '/registration/v1/audit-orders/answers'
/** If the registry has lost an answer, the server sends it again, at most once in this time. */
const TOLD_AGAIN_MS = 3_600_000
/**
 * After a failure the server waits a minute, then twice as long each time: up to LATEST_MS, or up to
 * REFUSED_MS if the registry refused the answer.
 */
const AGAIN_MS = 60_000
const LATEST_MS = 5 * 60_000
const REFUSED_MS = 3_600_000
const ITSELF = { id: 'audit-orders', name: 'audit orders' }

export function createAuditOrders(rooms: Rooms): AuditOrders {
  const { clock, audit } = rooms
  const store = createAuditOrderStore(rooms.database)
  const server = idText(rooms.server)
  const now = (): string => new Date(clock()).toISOString()
  const note = (operation: string, id: string, data: object): Promise<unknown> =>
    audit.before({ caller: ITSELF, operation, target: `audit order ${id}`, data })

  /**
   * Orders that are answered but that the registry still lists: their hashes, and since when and for how long
   * the server reports them as already received.
   */
  const notAgain = new Map<string, { since: number; ms: number }>()

  const clearanceOf = (authority: string): Clearance =>
    rooms.authorities.find(({ name }) => name === authority)?.secret === true ? 2 : 0

  const take = async (listed: ListedOrder): Promise<void> => {
    const { head, document, wrong } = judge(listed, rooms)
    const { id, sha256, authority, case: case_number, deadline } = head
    const known = await store.find(sha256)
    if (known !== undefined) return again(known, listed.seed)
    const { legalBasis, scope, sample } = readableOrder(document) ?? {}
    await note('receiveAuditOrder', id, {
      ...{ authority, case: case_number, deadline, sha256 },
      ...(scope && { legalBasis, scope, sample }),
    })
    const state: OrderState = wrong !== undefined ? 'refusing' : rooms.needsApproval ? 'waiting' : 'due'
    const none = {
      agreed_by: null,
      agreed_by_name: null,
      agreed_at: null,
      decided_by: null,
      decided_at: null,
      matched: null,
      sample: null,
      answered_at: null,
      error: null,
    }
    await store.add({
      ...{
        id,
        sha256,
        document: JSON.stringify(document),
        authority,
        case_number,
        deadline,
        seed: listed.seed,
      },
      ...{ ...none, received_at: now(), state, reason: wrong ?? null, clearance: clearanceOf(authority) },
    })
  }

  /**
   * The registry lists an order that was already answered, because it was restored from an older backup. The
   * server sends the answer again, at most once an hour. With another seed the sample would be another one,
   * so such an order is not answered again. From then on the server reports it as already received, so that
   * it takes no place in the registry's list.
   */
  const again = async (row: AuditOrderRow, seed: string): Promise<void> => {
    const state = row.state as OrderState
    if (state !== 'answered' && state !== 'refused') return
    const told = Date.parse(row.answered_at ?? row.received_at)
    if (!hasPassed(clock(), told, TOLD_AGAIN_MS)) {
      notAgain.set(row.sha256, { since: told, ms: TOLD_AGAIN_MS })
      return
    }
    if (state === 'answered' && row.seed !== seed) {
      notAgain.set(row.sha256, { since: told, ms: Number.POSITIVE_INFINITY })
      const error = String(say`the registry asks again, with another seed: only the first one is answered`)
      if (row.error !== error) await store.update(row.id, state, { error })
      return
    }
    await note('tellAuditOrderAgain', row.id, { case: row.case_number })
    await store.update(row.id, state, { state: state === 'answered' ? 'due' : 'refusing' })
  }

  const answerOne = async (row: AuditOrderRow): Promise<void> => {
    const { id, sha256, seed } = row
    const order = JSON.parse(row.document) as AuditOrder
    const clearance = clearanceOf(row.authority)
    const { payload, sample } = await collect({ order, sha256, seed, server, clearance }, rooms)
    const matched = payload.records.length
    // Every auditor can read the audit log, so numbers of secret records stay out of it.
    const figures = clearance === 0 ? { matched, sample } : {}
    await note('answerAuditOrder', id, { ...figures, case: row.case_number })
    await send(row, { outcome: 'answered', matched, sample, sealed: sealPayload(payload, order) }, rooms)
    const answered = { matched, sample: JSON.stringify(sample), answered_at: now(), error: null, clearance }
    await store.update(id, 'due', { state: 'answered', ...answered })
  }

  const refuseOne = async (row: AuditOrderRow, reason: string, seen: OrderState): Promise<void> => {
    const why = reason.replace(/[\p{C}\u2028\u2029]+/gu, ' ').slice(0, 500) || 'no reason was given'
    // Every auditor can read the audit log. The reason is only for people who decide about orders.
    await note('refuseAuditOrder', row.id, { case: row.case_number })
    await send(row, { outcome: 'refused', reason: why }, rooms)
    await store.update(row.id, seen, { state: 'refused', reason: why, answered_at: now(), error: null })
  }

  const finish = async (row: AuditOrderRow): Promise<void> => {
    const state = row.state as OrderState
    try {
      if (state === 'refusing') return await refuseOne(row, row.reason ?? '', state)
      await answerOne(row)
    } catch (thrown) {
      const fault = asFault(thrown)
      if (fault.code === 'audit_order_refused') return refuseOne(row, fault.message, state)
      const error = fault.message.slice(0, 500)
      await store.update(row.id, state, { error, clearance: clearanceOf(row.authority) })
      throw thrown
    }
  }

  const known = async (): Promise<string[]> => {
    for (const [sha256, { since, ms }] of notAgain) if (hasPassed(clock(), since, ms)) notAgain.delete(sha256)
    return [...notAgain.keys(), ...(await store.held())].slice(0, AUDIT_LIMITS.held)
  }

  /**
   * Orders whose answer could not be sent, with their waiting time. Kept in memory only: after a restart the
   * server tries at once.
   */
  const waits = new Map<string, { since: number; ms: number }>()

  const finishInTime = async (row: AuditOrderRow): Promise<void> => {
    const wait = waits.get(row.id)
    if (wait !== undefined && !hasPassed(clock(), wait.since, wait.ms)) return
    try {
      await finish(row)
      waits.delete(row.id)
    } catch (thrown) {
      const most = asFault(thrown).code === 'registration_refused' ? REFUSED_MS : LATEST_MS
      const ms = Math.min(most, wait === undefined ? AGAIN_MS : 2 * wait.ms)
      waits.set(row.id, { since: clock(), ms })
      throw thrown
    }
  }

  const decide = async (
    id: string,
    caller: Caller,
    facts: Partial<AuditOrderRow>,
    agreedBy: string | null = null,
    checkFirst: (within: Within) => Promise<void> = async () => undefined,
  ): Promise<AuditOrderRow> => {
    await store.get(id)
    await store.decide(id, {
      facts: { ...facts, decided_by: caller.name, decided_at: now() },
      agreedBy,
      check: async (within) => {
        await checkUnchanged(caller, rooms.people, within)
        await checkFirst(within)
      },
    })
    return store.get(id)
  }

  return {
    store,
    async run() {
      const configuration = () => rooms.globalConfiguration.current()
      const listed = await fetchOrders({ ...rooms, configuration, has: await known() })
      for (const one of listed) {
        try {
          await take(one)
        } catch (thrown) {
          rooms.log.warn({ err: thrown, detail: asFault(thrown).detail }, 'an audit order cannot be read')
        }
      }
      let failed: unknown
      for (const row of await store.open()) await finishInTime(row).catch((thrown) => (failed = thrown))
      if (failed !== undefined) throw failed
    },
    async approve(id, caller, two) {
      const row = await store.get(id)
      const { sample } = JSON.parse(row.document) as AuditOrder
      if (two === undefined || sample === 0) return decide(id, caller, { state: 'due' })
      const first = row.agreed_by
      if (first === null || !(await two.stillCounts(first))) {
        await two.checkFirst()
        const facts = { agreed_by: caller.id, agreed_by_name: caller.name, agreed_at: now() }
        const check = (within: Within) => checkUnchanged(caller, rooms.people, within)
        await store.agree(id, { facts, instead: first, check })
        return store.get(id)
      }
      if (caller.kind !== 'person') throw new Fault('not_in_person', { what: say`a second person agrees` })
      const what = await two.whyNot(first)
      if (what !== undefined) throw new Fault('not_second_person', { what })
      return decide(id, caller, { state: 'due' }, first, async (within) => {
        if (!(await two.stillCounts(first, within)))
          throw new Fault('conflict', { what: say`the first approval counts no more: approve again` })
      })
    },
    refuse: (id, reason, caller) => decide(id, caller, { state: 'refusing', reason }),
  }
}

/**
 * Checks an order. A fault in it, or a form that this version does not know, becomes the reason of the
 * refusal.
 */
function judge({ order: text, receivedAt }: ListedOrder, { server, authorities, clock }: Rooms): Judged {
  const bytes = Buffer.from(text)
  const { document } = readSignedJson(bytes, AUDIT_DOCUMENT.order, AUDIT_LIMITS.orderBytes)
  const head = readHead(document)
  try {
    const { order } = readOrder(bytes, { authorities, instance: server.instance })
    // A server that was offline may answer late: the registry states when it received the order.
    checkInTime(order, Math.min(clock(), Date.parse(receivedAt)))
    if (!order.servers.includes(idText(server)))
      throw new Fault('audit_order_refused', { what: say`it names other servers` })
    return { head, document, wrong: undefined }
  } catch (thrown) {
    return { head, document, wrong: asFault(thrown).message }
  }
}

async function send(row: AuditOrderRow, more: Partial<AuditAnswer>, rooms: Rooms): Promise<void> {
  const owner = memberOf(rooms.server)
  const document = {
    ...{
      id: randomUUID(),
      createdAt: new Date(rooms.clock()).toISOString(),
      signer: idText(owner),
      server: idText(rooms.server),
      order: row.sha256,
      seed: row.seed,
    },
    ...{ matched: 0, sample: [], ...more },
  }
  const signed = await rooms.keys.signJson({ document, type: AUDIT_DOCUMENT.answer, member: owner })
  await rooms.post(PATH, signed).catch((thrown: unknown) => {
    // The registry had accepted the answer before a crash, but the crash kept this server from noting it.
    if (asFault(thrown).code === 'registration_refused' && asFault(thrown).what?.startsWith('conflict:'))
      return
    throw thrown
  })
}
