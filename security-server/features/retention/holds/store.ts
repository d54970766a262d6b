/** Stores legal holds. Setting one waits for erasures that are running. Every later erasure sees it. */
import type { Kysely } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import { HOLDS } from '../store.ts'
import type { RetentionTables } from '../tables.ts'
import type { ActiveHold, HoldScope } from './scope.ts'

export type Hold = {
  id: Whole
  caseNumber: string
  reason: string
  scope: HoldScope
  setBy: string
  setAt: Time
  liftedBy: string | null
  liftedAt: Time | null
  liftReason: string | null
}

export type HoldFilter = {
  caseNumber?: string | undefined
  active?: boolean | undefined
  before?: number | undefined
  limit: number
}

export type HoldStore = ReturnType<typeof createHoldStore>

/** The most holds that can be in force, because each erasure compares every record with every hold. */
const MAX_ACTIVE = 1000
const TOO_LATE = 1000

export function createHoldStore(database: Database) {
  const kysely = tablesOf<RetentionTables>(database)

  const get = async (id: number): Promise<Hold> => {
    const row = await kysely.selectFrom('legal_hold').selectAll().where('id', '=', id).executeTakeFirst()
    if (row === undefined) throw new Fault('not_found', { what: say`legal hold ${id}` })
    return toHold(row)
  }

  return {
    get,

    /**
     * The holds in force and the number of this set, which rises with each new hold and each change of a
     * class. The number is read first.
     */
    active: async (): Promise<{ number: number; holds: ActiveHold[] }> => {
      const mark = await kysely
        .selectFrom('mark')
        .select('value')
        .where('name', '=', HOLDS)
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

    /**
     * The hold is durable when the promise resolves. `tooLate`: the listed records whose content had been
     * erased before. Throws `conflict` when there are too many holds.
     */
    set: async (q: {
      caseNumber: string
      reason: string
      scope: HoldScope
      setBy: string
      setAt: Time
    }): Promise<{ id: number; tooLate: number[] }> => {
      const held = await inTransaction(kysely, async (transaction) => {
        // This comes first: a running erasure ends before the number is read again, so its result is visible
        // below.
        await transaction
          .updateTable('mark')
          .set((change) => ({ value: change('value', '+', 1) }))
          .where('name', '=', HOLDS)
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
          what: say`there are ${MAX_ACTIVE} legal holds; lift those that have ended`,
        })
      return held
    },

    /**
     * Records that it stopped are released by the next run of the job. Throws `not_found`, and `conflict`
     * when the hold was lifted before.
     */
    lift: async (q: { id: number; liftedBy: string; liftedAt: string; reason: string }): Promise<void> => {
      await get(q.id)
      const { numUpdatedRows: lifted } = await kysely
        .updateTable('legal_hold')
        .set({ lifted_by: q.liftedBy, lifted_at: q.liftedAt, lift_reason: q.reason })
        .where('id', '=', q.id)
        .where('lifted_at', 'is', null)
        .executeTakeFirst()
      if (Number(lifted) === 0) throw new Fault('conflict', { what: say`hold ${q.id} was lifted already` })
    },
  }
}

/** The records listed in the scope whose content was erased, at most TOO_LATE. */
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
  id: Whole
  case_number: string
  reason: string
  scope: string
  set_by: string
  set_at: Time
  lifted_by: string | null
  lifted_at: Time | null
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
