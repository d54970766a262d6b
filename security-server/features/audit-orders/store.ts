/** Stores the audit orders of this server: what was ordered, what people decided, and what was answered. */
import { type Database, inTransaction, tablesOf, type Within } from '#platform/database/open-database.ts'
import { AUDIT_LIMITS } from '#schemas/audit-order.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Uuid, Whole } from '#schemas/sent-values.ts'

/**
 * waiting: for an approval here. due: to be answered. refusing: the refusal must still be sent. answered,
 * refused: the registry has the answer or the refusal.
 */
export type OrderState = 'waiting' | 'due' | 'refusing' | 'answered' | 'refused'

export type AuditOrderRow = {
  id: Uuid
  sha256: string
  /** The order's payload, as JSON. */
  document: string
  authority: string
  case_number: string
  deadline: Time
  seed: string
  received_at: Time
  state: string
  /** The first of two people who must approve: id of the person or API key, name, time. */
  agreed_by: string | null
  agreed_by_name: string | null
  agreed_at: Time | null
  decided_by: string | null
  decided_at: Time | null
  reason: string | null
  matched: Whole | null
  /** Indexes of the sampled records, as a JSON list. */
  sample: string | null
  answered_at: Time | null
  /** Why the last attempt failed. */
  error: string | null
  /**
   * The clearance of the authority. Only readers with at least this clearance see `matched`, `sample` and
   * `error`.
   */
  clearance: Whole
}

export type AuditOrderStore = ReturnType<typeof createAuditOrderStore>

export function createAuditOrderStore(database: Database) {
  const kysely = tablesOf<{ audit_order: AuditOrderRow }>(database)
  return {
    /** Returns false when the order is already stored. */
    add: async (row: AuditOrderRow): Promise<boolean> => {
      const made = await kysely
        .insertInto('audit_order')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return Number(made.numInsertedOrUpdatedRows ?? 0) === 1
    },
    /** Throws `not_found`. */
    get: async (id: string): Promise<AuditOrderRow> => {
      const row = await kysely.selectFrom('audit_order').selectAll().where('id', '=', id).executeTakeFirst()
      if (row === undefined) throw new Fault('not_found', { what: say`the audit order ${id}` })
      return row
    },
    find: (sha256: string): Promise<AuditOrderRow | undefined> =>
      kysely.selectFrom('audit_order').selectAll().where('sha256', '=', sha256).executeTakeFirst(),
    /**
     * Stores the first of two approvals; `instead`: of one that counts no more. Throws `conflict` when
     * somebody has approved or decided meanwhile. `check` throws when who approves may not do so any more.
     */
    agree: (
      id: string,
      q: {
        facts: Pick<AuditOrderRow, 'agreed_by' | 'agreed_by_name' | 'agreed_at'>
        instead: string | null
        check: (within: Within) => Promise<void>
      },
    ): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        await q.check(transaction)
        const update = transaction.updateTable('audit_order').set(q.facts).where('id', '=', id)
        const { numUpdatedRows } = await update
          .where('state', '=', 'waiting')
          .where('agreed_by', q.instead === null ? 'is' : '=', q.instead)
          .executeTakeFirst()
        if (numUpdatedRows !== 1n)
          throw new Fault('conflict', { what: say`the order was decided about already` })
      }),
    /**
     * What people decided; `agreedBy`: on whose first approval it relies, null where it needs none. Throws
     * `conflict` unless the order still waits with it. `check` throws when who decides may not do so any
     * more.
     */
    decide: (
      id: string,
      q: {
        facts: Partial<AuditOrderRow>
        agreedBy: string | null
        check: (within: Within) => Promise<void>
      },
    ): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        await q.check(transaction)
        const update = transaction.updateTable('audit_order').set(q.facts).where('id', '=', id)
        const { numUpdatedRows } = await update
          .where('state', '=', 'waiting')
          .$if(q.agreedBy !== null, (query) => query.where('agreed_by', '=', q.agreedBy))
          .executeTakeFirst()
        if (numUpdatedRows !== 1n)
          throw new Fault('conflict', { what: say`the order was decided about already` })
      }),
    /** Newest first. */
    list: (q: { offset: number; limit: number; state?: string }): Promise<AuditOrderRow[]> =>
      kysely
        .selectFrom('audit_order')
        .selectAll()
        .$if(q.state !== undefined, (query) => query.where('state', '=', q.state!))
        .orderBy('received_at', 'desc')
        .orderBy('id')
        .offset(q.offset)
        .limit(q.limit)
        .execute(),
    count: async (state?: string): Promise<number> => {
      const row = await kysely
        .selectFrom('audit_order')
        .select(({ fn }) => fn.countAll().as('found'))
        .$if(state !== undefined, (query) => query.where('state', '=', state!))
        .executeTakeFirstOrThrow()
      return Number(row.found)
    },
    /**
     * Orders that wait for a decision, save those to which this person or API key has agreed already;
     * `overdue`: of these.
     */
    waiting: async (q: { caller: string; now: string }): Promise<{ waiting: number; overdue: number }> => {
      const row = await kysely
        .selectFrom('audit_order')
        .select(({ fn, eb }) => [
          fn.countAll().as('waiting'),
          fn.sum(eb.case().when('deadline', '<=', q.now).then(1).else(0).end()).as('overdue'),
        ])
        .where('state', '=', 'waiting')
        .where(({ or, eb }) => or([eb('agreed_by', 'is', null), eb('agreed_by', '!=', q.caller)]))
        .executeTakeFirstOrThrow()
      return { waiting: Number(row.waiting), overdue: Number(row.overdue ?? 0) }
    },
    /** The hashes of orders that this server has not answered yet, the earliest deadlines first. */
    held: async (): Promise<string[]> => {
      const rows = kysely
        .selectFrom('audit_order')
        .select('sha256')
        .where('state', 'in', ['waiting', 'due', 'refusing'])
        .orderBy('deadline')
        .limit(AUDIT_LIMITS.held)
      return (await rows.execute()).map(({ sha256 }) => sha256)
    },
    /** Orders to be answered or refused, the earliest deadline first. */
    open: (): Promise<AuditOrderRow[]> =>
      kysely
        .selectFrom('audit_order')
        .selectAll()
        .where('state', 'in', ['due', 'refusing'])
        .orderBy('deadline')
        .execute(),
    /** Throws `conflict` unless the order is still in the state `seen`. */
    update: async (id: string, seen: OrderState, facts: Partial<AuditOrderRow>): Promise<void> => {
      const update = kysely.updateTable('audit_order').set(facts).where('id', '=', id)
      const { numUpdatedRows } = await update.where('state', '=', seen).executeTakeFirst()
      if (numUpdatedRows !== 1n)
        throw new Fault('conflict', { what: say`the order was decided about already` })
    },
  }
}
