/** Legal holds. Setting one waits for the erasures under way, and those that begin later see it. */
import type { Kysely } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { RetentionTables } from '../tables.ts'
import type { ActiveHold, HoldScope } from './scope.ts'

export type Hold = {
  id: number
  caseNumber: string
  reason: string
  scope: HoldScope
  setBy: string
  setAt: string
  liftedBy: string | null
  liftedAt: string | null
  liftReason: string | null
}

export type HoldFilter = {
  caseNumber?: string | undefined
  active?: boolean | undefined
  before?: number | undefined
  limit: number
}

export type HoldStore = ReturnType<typeof createHoldStore>

/** Erasing compares each record with every hold, so there is an end to them. */
const MAX_ACTIVE = 1000
const TOO_LATE = 1000

export function createHoldStore(database: Database) {
  const kysely = tablesOf<RetentionTables>(database)

  const get = async (id: number): Promise<Hold> => {
    const row = await kysely.selectFrom('legal_hold').selectAll().where('id', '=', id).executeTakeFirst()
    if (row === undefined) throw new Fault('not_found', { what: `legal hold ${id}` })
    return toHold(row)
  }

  return {
    get,

    /** The number that tells a set of holds from a later one, and the holds; that number first. */
    active: async (): Promise<{ number: number; holds: ActiveHold[] }> => {
      const mark = await kysely
        .selectFrom('mark')
        .select('value')
        .where('name', '=', 'holds')
        .executeTakeFirst()
      const rows = await kysely
        .selectFrom('legal_hold')
        .select(['id', 'case_number', 'scope'])
        .where('lifted_at', 'is', null)
        .orderBy('id')
        .execute()
      const holds = rows.map((row) => ({
        id: row.id,
        caseNumber: row.case_number,
        scope: JSON.parse(row.scope) as HoldScope,
      }))
      return { number: mark?.value ?? 0, holds }
    },

    /** Newest first. */
    list: async ({ caseNumber, active, before, limit }: HoldFilter): Promise<Hold[]> => {
      let query = kysely.selectFrom('legal_hold').selectAll().orderBy('id', 'desc').limit(limit)
      if (caseNumber !== undefined) query = query.where('case_number', '=', caseNumber)
      if (active !== undefined) query = query.where('lifted_at', active ? 'is' : 'is not', null)
      if (before !== undefined) query = query.where('id', '<', before)
      return (await query.execute()).map(toHold)
    },

    /** Durable when it resolves; says which of the records that it names had lost their content before. */
    set: async (q: {
      caseNumber: string
      reason: string
      scope: HoldScope
      setBy: string
      setAt: string
    }): Promise<{ id: number; tooLate: number[] }> => {
      const held = await inTransaction(kysely, async (transaction) => {
        // First: an erasure that has begun ends before the number is read again, and its outcome is seen below.
        await transaction
          .updateTable('mark')
          .set((change) => ({ value: change('value', '+', 1) }))
          .where('name', '=', 'holds')
          .execute()
        const { count } = await transaction
          .selectFrom('legal_hold')
          .select((of) => of.fn.countAll<number>().as('count'))
          .where('lifted_at', 'is', null)
          .executeTakeFirstOrThrow()
        if (Number(count) >= MAX_ACTIVE) return undefined
        const { id } = await transaction
          .insertInto('legal_hold')
          .values({
            case_number: q.caseNumber,
            reason: q.reason,
            scope: JSON.stringify(q.scope),
            set_by: q.setBy,
            set_at: q.setAt,
          })
          .returning('id')
          .executeTakeFirstOrThrow()
        return { id: Number(id), tooLate: await erasedOf(transaction, q.scope) }
      })
      if (held === undefined)
        throw new Fault('conflict', {
          what: `there are ${MAX_ACTIVE} legal holds; lift those that have ended`,
        })
      return held
    },

    /** What it had stopped is released by the next run of the job. Throws `not_found`, `conflict` when it was lifted before. */
    lift: async (q: { id: number; liftedBy: string; liftedAt: string; reason: string }): Promise<void> => {
      await get(q.id)
      const { numUpdatedRows: lifted } = await kysely
        .updateTable('legal_hold')
        .set({ lifted_by: q.liftedBy, lifted_at: q.liftedAt, lift_reason: q.reason })
        .where('id', '=', q.id)
        .where('lifted_at', 'is', null)
        .executeTakeFirst()
      if (Number(lifted) === 0) throw new Fault('conflict', { what: `hold ${q.id} was lifted already` })
    },
  }
}

/** Of the records that the scope names one by one, those that were erased. */
async function erasedOf(transaction: Kysely<RetentionTables>, { indexes }: HoldScope): Promise<number[]> {
  if (indexes === undefined) return []
  const rows = await transaction
    .selectFrom('erasure')
    .select('idx')
    .where('idx', 'in', indexes)
    .orderBy('idx')
    .limit(TOO_LATE)
    .execute()
  return rows.map(({ idx }) => idx)
}

function toHold(row: {
  id: number
  case_number: string
  reason: string
  scope: string
  set_by: string
  set_at: string
  lifted_by: string | null
  lifted_at: string | null
  lift_reason: string | null
}): Hold {
  return {
    id: row.id,
    caseNumber: row.case_number,
    reason: row.reason,
    scope: JSON.parse(row.scope) as HoldScope,
    setBy: row.set_by,
    setAt: row.set_at,
    liftedBy: row.lifted_by,
    liftedAt: row.lifted_at,
    liftReason: row.lift_reason,
  }
}
