/**
 * The lanes of a box: what holds while rows come and go. The first waiting row of each lane is marked
 * (`ready`), so that giving out never reads what waits behind it; whoever adds or ends rows of a lane holds
 * its lock.
 */
import { type Kysely, sql } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import type { BoxRow, DeliveryState, OutboxRow, Tables } from './tables.ts'

type InLane = Pick<BoxRow, 'lane' | 'event_key'>
export type Ended = {
  state: DeliveryState
  at: string
  error?: string
  arrived?: OutboxRow['arrived']
  /** Whether nobody needs the event any more. */
  drops: boolean
} & Records
/** Indexes in the message log. */
type Records = { exchangeRecord?: number | undefined; endRecord?: number | undefined }

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
      .select(['position', 'ready'])
      .where('lane', '=', lane)
      .where('state', '=', 'waiting')
      .orderBy('position')
      .limit(1)
      .executeTakeFirst()
    if (first !== undefined && Number(first.ready) === 0)
      await transaction.updateTable(box).set({ ready: 1 }).where('position', '=', first.position).execute()
  }

  /** In one order, so that two transactions never wait for each other. */
  const lanesOf = (rows: InLane[]): string[] =>
    [...new Set(rows.filter(isKeyed).map(({ lane }) => lane))].sort()

  return {
    markFirst,
    of: lanesOf,
    lock: async (transaction: Kysely<Tables>, rows: InLane[]): Promise<void> => {
      for (const lane of lanesOf(rows)) await lockFor(transaction, `${name} ${lane}`)
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

    /**
     * Ends what rows waited for, all in the same way, and lets the next of their lanes go on. Resolves to the
     * positions of those that ended; the others were no longer so.
     */
    end: async (
      transaction: Kysely<Tables>,
      rows: (InLane & { position: number } & Records)[],
      ended: Omit<Ended, keyof Records>,
      q: { from: DeliveryState[]; token?: string | undefined },
    ): Promise<Set<number>> => {
      const { state, at, error, arrived, drops } = ended
      let update = transaction
        .updateTable(box)
        .from(
          valuesOf(
            rows.map(({ position, exchangeRecord, endRecord }) => [position, exchangeRecord, endRecord]),
          ),
        )
        .set({
          ...{ ...UNCLAIMED, state, changed_at: at, ready: 0 },
          ...(error !== undefined && { error }),
          ...(arrived !== undefined && { arrived }),
          exchange_record: sql`coalesce(given.column2, exchange_record)`,
          end_record: sql`coalesce(given.column3, end_record)`,
          ...(drops && { content: null }),
        })
        .whereRef(`${box}.position`, '=', 'given.column1')
        // Names the rows once more: with many of them the embedded store would look through all of the state
        // instead.
        .where(
          `${box}.position`,
          'in',
          rows.map(({ position }) => position),
        )
        .where(`${box}.state`, 'in', q.from)
      if (q.token !== undefined) update = update.where(`${box}.claimed_by`, '=', q.token)
      const found = await update.returning(`${box}.position`).execute()
      const positions = new Set(found.map(({ position }) => Number(position)))
      for (const lane of lanesOf(rows.filter(({ position }) => positions.has(position))))
        await markFirst(transaction, lane)
      return positions
    },
  }
}

/** Numbers of several rows for one statement, `given.column1` and so on: both stores name the columns so. */
export function valuesOf(rows: (number | undefined)[][]) {
  const texts = rows.map(
    (row) => sql`(${sql.join(row.map((value) => sql`cast(${value ?? null} as bigint)`))})`,
  )
  return sql<{ column1: number; column2: number; column3: number }>`(values ${sql.join(texts)})`.as('given')
}
