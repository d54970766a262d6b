/**
 * Rows of audit orders and of each server's answer. An order can be filed once, and answered once by each
 * server.
 */
import type { Kysely } from 'kysely'
import { makeSeed } from '#core/audit-order/make-seed.ts'
import type { VerifiedOrder } from '#core/audit-order/read-order.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { HearCosigned } from '#platform/witness/store.ts'
import { AUDIT_LIMITS, type AuditAnswer, type AuditQuery, type ListedOrder } from '#schemas/audit-order.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Whole } from '#schemas/sent-values.ts'
import { type Change, counted, mustBe, type Page, refuseTwin, textContains } from '../../changes/store.ts'
import { type SignedWith, takeWord } from '../../documents/taken-store.ts'
import type { AuditOrderRow, AuditOrderServerRow, Tables } from './tables.ts'

export type AuditOrderFilter = { q?: string; state?: 'waiting' | 'overdue' | 'complete'; at: string }
export type AuditOrderStore = ReturnType<typeof createAuditOrderStore>

/** The most orders before their deadline at a time, because every server asks for all of its own. */
const MOST_OPEN = 200

export function createAuditOrderStore(database: Database, record: Change<Tables>) {
  const tables = tablesOf<Tables>(database)

  const listed = ({ q = '', state, at }: AuditOrderFilter) => {
    // As in rules.ts, a refusal after the deadline does not count as an answer.
    const unanswered = tables
      .selectFrom('audit_order_server')
      .innerJoin('audit_order as its', 'its.id', 'order_id')
      .select('order_id')
      .where((is) =>
        is.or([
          is('outcome', 'is', null),
          is.and([is('outcome', '=', 'refused'), is('answered_at', '>', is.ref('its.deadline'))]),
        ]),
      )
    let query = tables.selectFrom('audit_order')
    if (q !== '')
      query = query.where((is) =>
        is.or([textContains('case_number', q), textContains('authority', q), textContains('id', q)]),
      )
    if (state === 'complete') query = query.where('id', 'not in', unanswered)
    if (state === 'waiting') query = query.where('id', 'in', unanswered).where('deadline', '>', at)
    if (state === 'overdue') query = query.where('id', 'in', unanswered).where('deadline', '<=', at)
    return query
  }

  return {
    /**
     * Files an order. Throws `conflict` for an order that was filed before or when too many are open, and
     * `not_found` for a server that is not registered.
     */
    add: ({ order, sha256 }: VerifiedOrder, q: { document: Buffer; now: string; by: string }) =>
      record(async (transaction) => {
        const open = transaction.selectFrom('audit_order').where('deadline', '>', q.now)
        if ((await counted(open)) >= MOST_OPEN)
          throw new Fault('conflict', { what: say`${MOST_OPEN} audit orders are open already` })
        const registered = await transaction
          .selectFrom('security_server')
          .select('id')
          .where('id', 'in', order.servers)
          .execute()
        const known = new Set(registered.map(({ id }) => id))
        const missing = order.servers.find((one) => !known.has(one))
        if (missing !== undefined) throw new Fault('not_found', { what: say`the security server ${missing}` })
        const { id, authority, case: case_number, deadline } = order
        const row = { id, sha256, document: q.document.toString(), authority, case_number, deadline }
        await refuseTwin(
          `the audit order ${id}`,
          transaction
            .insertInto('audit_order')
            .values({ ...row, received_at: q.now, received_by: q.by })
            .execute(),
        )
        const none = {
          seed: null,
          outcome: null,
          reason: null,
          matched: null,
          answer: null,
          answered_at: null,
        }
        await transaction
          .insertInto('audit_order_server')
          .values(order.servers.map((server) => ({ order_id: id, server, ...none })))
          .execute()
      }),

    list: ({ offset, limit, ...filter }: Page & AuditOrderFilter): Promise<AuditOrderRow[]> =>
      listed(filter)
        .selectAll()
        .orderBy('received_at', 'desc')
        .orderBy('id')
        .offset(offset)
        .limit(limit)
        .execute(),
    count: (filter: AuditOrderFilter) => counted(listed(filter)),
    /** Throws `not_found`. */
    get: async (id: string): Promise<AuditOrderRow> =>
      mustBe(
        `the audit order ${id}`,
        await tables.selectFrom('audit_order').selectAll().where('id', '=', id).executeTakeFirst(),
      ),
    /** The outcome at each server, without the answers themselves. */
    servers: (ids: string[]): Promise<Omit<AuditOrderServerRow, 'answer'>[]> =>
      ids.length === 0
        ? Promise.resolve([])
        : tables
            .selectFrom('audit_order_server')
            .select(['order_id', 'server', 'seed', 'outcome', 'reason', 'matched', 'answered_at'])
            .where('order_id', 'in', ids)
            .orderBy('server')
            .execute(),
    /** Throws `not_found`, also when the server has not answered. */
    answer: async (id: string, server: string): Promise<string> => {
      const row = await tables
        .selectFrom('audit_order_server')
        .select('answer')
        .where('order_id', '=', id)
        .where('server', '=', server)
        .executeTakeFirst()
      return mustBe(`an answer of ${server}`, row?.answer ?? undefined)
    },
    countOverdue: (now: string): Promise<Whole> => counted(listed({ state: 'overdue', at: now })),

    /**
     * The orders that a server still has to answer, that have a seed and that it does not have yet, the most
     * urgent first. Throws `access_denied`, `suspended`, `replayed_request`.
     */
    handOut: (query: SignedWith<AuditQuery>, now: number): Promise<ListedOrder[]> =>
      record(async (transaction) => {
        await takeWord(transaction, query, now)
        const rows = await waitingFor(transaction, query)
        return rows.map(({ document, received_at, seed }) => ({
          order: document,
          receivedAt: received_at,
          seed: seed!,
        }))
      }),

    /**
     * Stores an answer. Throws `audit_answer_wrong` for another order, server or seed, `conflict` for a
     * second answer, `access_denied`, `suspended`, `replayed_request`.
     */
    take: (answer: SignedWith<AuditAnswer>, q: { document: Buffer; now: number }) =>
      record(async (transaction) => {
        await takeWord(transaction, answer, q.now)
        const row = await transaction
          .selectFrom('audit_order_server')
          .innerJoin('audit_order', 'audit_order.id', 'audit_order_server.order_id')
          .select(['audit_order.id', 'seed', 'outcome'])
          .where('sha256', '=', answer.order)
          .where('server', '=', answer.server)
          .executeTakeFirst()
        if (row === undefined)
          throw new Fault('audit_answer_wrong', { what: say`no order ${answer.order} asks ${answer.server}` })
        if (row.outcome !== null) throw new Fault('conflict', { what: say`the order was answered already` })
        if (row.seed === null || row.seed !== answer.seed)
          throw new Fault('audit_answer_wrong', {
            what: say`it is of another seed than the order was given with`,
          })
        const { outcome, matched, reason = null } = answer
        await transaction
          .updateTable('audit_order_server')
          .set({ outcome, matched, reason, answer: q.document.toString() })
          .set({ answered_at: new Date(q.now).toISOString() })
          .where('order_id', '=', row.id)
          .where('server', '=', answer.server)
          .execute()
        return row.id
      }),
  }
}

function waitingFor(transaction: Kysely<Tables>, { server, has = [] }: Pick<AuditQuery, 'server' | 'has'>) {
  return transaction
    .selectFrom('audit_order_server')
    .innerJoin('audit_order', 'audit_order.id', 'audit_order_server.order_id')
    .select(['document', 'received_at', 'seed'])
    .where('server', '=', server)
    .where('outcome', 'is', null)
    .where('seed', 'is not', null)
    .$if(has.length > 0, (query) => query.where('sha256', 'not in', has))
    .orderBy('deadline')
    .orderBy('audit_order.id')
    .limit(AUDIT_LIMITS.listed)
    .execute()
}

/**
 * Sets the seed of every open order of a server. It runs in the transaction that cosigns the first tree head
 * of the server's log after the order was filed, so before anybody sees the cosignature. Later heads do not
 * change the seed, so a server that dislikes the sample cannot try again.
 */
export const fixSeeds: HearCosigned = async (transaction, { origin, tree, known }) => {
  const isLarger = known === undefined || tree.size > known.size
  // A cosignature has whole seconds. When the tree has not grown, the server may know a cosignature of this
  // second from before the order.
  const time = isLarger ? tree.time : `${tree.time.slice(0, 'yyyy-mm-ddThh:mm:ss'.length)}.000Z`
  const tables = tablesOf<Tables>({ kysely: transaction })
  const received = tables.selectFrom('audit_order').select('id').where('received_at', '<', time)
  await tables
    .updateTable('audit_order_server')
    .set({ seed: makeSeed(tree.note) })
    .where('server', '=', origin)
    .where('outcome', 'is', null)
    .where('seed', 'is', null)
    .where('order_id', 'in', received)
    .execute()
}
