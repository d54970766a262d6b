/** Rows of audit orders and of what each server answered. An order is taken once, an answer too. */
import type { Kysely } from 'kysely'
import { makeSeed } from '#core/audit-order/make-seed.ts'
import type { VerifiedOrder } from '#core/audit-order/read-order.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { HearCosigned } from '#platform/witness/store.ts'
import { AUDIT_LIMITS, type AuditAnswer, type AuditQuery, type ListedOrder } from '#schemas/audit-order.ts'
import { Fault } from '#schemas/fault.ts'
import { type Change, counted, mustBe, type Page, refuseTwin, textContains } from '../../changes/store.ts'
import { takeDocument } from '../../documents/taken-store.ts'
import type { AuditOrderRow, AuditOrderServerRow, Tables } from './tables.ts'

export type AuditOrderFilter = { q?: string; state?: 'waiting' | 'overdue' | 'complete'; at: string }
export type AuditOrderStore = ReturnType<typeof createAuditOrderStore>

/** Open at a time: every server asks for all of its own. */
const MOST_OPEN = 200

export function createAuditOrderStore(database: Database, record: Change<Tables>) {
  const tables = tablesOf<Tables>(database)

  const listed = ({ q = '', state, at }: AuditOrderFilter) => {
    // As rules.ts has it: a refusal after the deadline answers nothing.
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
    /** Throws `conflict` for an order that was taken before, `not_found` for a server that is not registered. */
    add: ({ order, sha256 }: VerifiedOrder, q: { document: Buffer; now: string; by: string }) =>
      record(async (transaction) => {
        const open = transaction.selectFrom('audit_order').where('deadline', '>', q.now)
        if ((await counted(open)) >= MOST_OPEN)
          throw new Fault('conflict', { what: `${MOST_OPEN} audit orders are open already` })
        const registered = await transaction
          .selectFrom('security_server')
          .select('id')
          .where('id', 'in', order.servers)
          .execute()
        const known = new Set(registered.map(({ id }) => id))
        const missing = order.servers.find((one) => !known.has(one))
        if (missing !== undefined) throw new Fault('not_found', { what: `the security server ${missing}` })
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
    /** What became of it at each server, without the answers themselves. */
    servers: (ids: string[]): Promise<Omit<AuditOrderServerRow, 'answer'>[]> =>
      ids.length === 0
        ? Promise.resolve([])
        : tables
            .selectFrom('audit_order_server')
            .select(['order_id', 'server', 'seed', 'outcome', 'reason', 'matched', 'answered_at'])
            .where('order_id', 'in', ids)
            .orderBy('server')
            .execute(),
    /** Throws `not_found` also while there is none. */
    answer: async (id: string, server: string): Promise<string> => {
      const row = await tables
        .selectFrom('audit_order_server')
        .select('answer')
        .where('order_id', '=', id)
        .where('server', '=', server)
        .executeTakeFirst()
      return mustBe(`an answer of ${server}`, row?.answer ?? undefined)
    },
    countOverdue: (now: string): Promise<number> => counted(listed({ state: 'overdue', at: now })),

    /** What a server has to answer, does not have and there is a seed for, the most urgent first. */
    handOut: (query: Pick<AuditQuery, 'id' | 'server' | 'has'>, now: number): Promise<ListedOrder[]> =>
      record(async (transaction) => {
        await takeDocument(transaction, query.id, now)
        const rows = await waitingFor(transaction, query)
        return rows.map(({ document, received_at, seed }) => ({
          order: document,
          receivedAt: received_at,
          seed: seed!,
        }))
      }),

    /** Throws `audit_answer_wrong` for another order, server or seed, `conflict` for a second answer. */
    take: (answer: AuditAnswer, q: { document: Buffer; now: number }) =>
      record(async (transaction) => {
        await takeDocument(transaction, answer.id, q.now)
        const row = await transaction
          .selectFrom('audit_order_server')
          .innerJoin('audit_order', 'audit_order.id', 'audit_order_server.order_id')
          .select(['audit_order.id', 'seed', 'outcome'])
          .where('sha256', '=', answer.order)
          .where('server', '=', answer.server)
          .executeTakeFirst()
        if (row === undefined)
          throw new Fault('audit_answer_wrong', { what: `no order ${answer.order} asks ${answer.server}` })
        if (row.outcome !== null) throw new Fault('conflict', { what: 'the order was answered already' })
        if (row.seed === null || row.seed !== answer.seed)
          throw new Fault('audit_answer_wrong', {
            what: 'it is of another seed than the order was given with',
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
 * Fixes the seed of every open order of a server in the transaction that cosigns the first tree head of its log after the order
 * came, before anybody sees the cosignature. No later head changes it: who does not like what is drawn has no second try.
 */
export const fixSeeds: HearCosigned = async (transaction, { origin, tree, known }) => {
  const isLarger = known === undefined || tree.size > known.size
  // Cosignatures tell whole seconds: one of a tree that has not grown may be known already when it was first made in this second.
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
