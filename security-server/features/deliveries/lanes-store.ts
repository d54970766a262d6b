/**
 * The lanes of a box: what holds while rows come and go. The first waiting row of each lane is marked (`ready`), so that giving out never
 * reads what waits behind it; whoever adds or ends rows of a lane holds its lock.
 */
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import type { BoxRow, DeliveryState, OutboxRow, Tables } from './tables.ts'

type InLane = Pick<BoxRow, 'lane' | 'event_key'>
export type Ended = {
  state: DeliveryState
  at: string
  error?: string
  arrived?: OutboxRow['arrived']
  exchangeRecord?: number
  endRecord?: number
  /** Whether nobody needs the event any more. */
  drops: boolean
}

/** How many rows one step takes that may touch many. */
export const AT_ONCE = 500
export const UNCLAIMED = { claimed_by: '', claimed_until: '' }

/** An event without a partition key has a lane of its own, which needs neither order nor lock. */
export function isKeyed({ lane, event_key: key }: InLane): boolean {
  return lane !== key
}

export function createLanes(name: 'outbox' | 'inbox') {
  // Both tables have the columns that are used here.
  const box = name as 'outbox'

  /** Marks the first waiting row of the lane. */
  const markFirst = async (transaction: Kysely<Tables>, lane: string): Promise<void> => {
    const first = await transaction
      .selectFrom(box)
      .select('position')
      .where('lane', '=', lane)
      .where('state', '=', 'waiting')
      .orderBy('position')
      .limit(1)
      .executeTakeFirst()
    if (first !== undefined)
      await transaction.updateTable(box).set({ ready: 1 }).where('position', '=', first.position).execute()
  }

  return {
    /** 1 when nothing waits in the lane: the next row is its first. */
    readyIn: async (transaction: Kysely<Tables>, row: InLane): Promise<0 | 1> => {
      if (!isKeyed(row)) return 1
      const ahead = await transaction
        .selectFrom(box)
        .select('position')
        .where('lane', '=', row.lane)
        .where('state', '=', 'waiting')
        .limit(1)
        .executeTakeFirst()
      return ahead === undefined ? 1 : 0
    },

    /** In one order, so that two transactions never wait for each other. */
    lock: async (transaction: Kysely<Tables>, rows: InLane[]): Promise<void> => {
      const lanes = new Set(rows.filter(isKeyed).map(({ lane }) => lane))
      for (const lane of [...lanes].sort()) await lockFor(transaction, `${name} ${lane}`)
    },

    /** A row that waits again may stand before the one that was the first. */
    markAgain: async (transaction: Kysely<Tables>, row: InLane): Promise<void> => {
      if (!isKeyed(row)) return
      await transaction
        .updateTable(box)
        .set({ ready: 0 })
        .where('position', 'in', (is) =>
          is
            .selectFrom(box)
            .select('position')
            .where('lane', '=', row.lane)
            .where('state', '=', 'waiting')
            .orderBy('position')
            .limit(AT_ONCE + 2),
        )
        .execute()
      await markFirst(transaction, row.lane)
    },

    /** Ends what a row waited for, and lets the next of its lane go on; false when it was no longer so. */
    end: async (
      transaction: Kysely<Tables>,
      row: InLane & { position: number; state: DeliveryState },
      ended: Ended,
      q: { from: DeliveryState[]; token?: string },
    ): Promise<boolean> => {
      const { state, at, error, arrived, exchangeRecord, endRecord, drops } = ended
      let update = transaction
        .updateTable(box)
        .set({
          ...{ ...UNCLAIMED, state, changed_at: at, ready: 0 },
          ...(error !== undefined && { error }),
          ...(arrived !== undefined && { arrived }),
          ...(exchangeRecord !== undefined && { exchange_record: exchangeRecord }),
          ...(endRecord !== undefined && { end_record: endRecord }),
          ...(drops && { content: null }),
        })
        .where('position', '=', row.position)
        .where('state', 'in', q.from)
      if (q.token !== undefined) update = update.where('claimed_by', '=', q.token)
      const { numUpdatedRows } = await update.executeTakeFirst()
      if (numUpdatedRows !== 1n) return false
      if (isKeyed(row)) await markFirst(transaction, row.lane)
      return true
    },
  }
}
