/** The rows of events that PULL subscriptions were given and have not confirmed. */
import type { Selectable } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { whereOver } from '#platform/database/where-over.ts'
import type { StoredSubscription } from './subscription-reads-store.ts'
import { LONGEST_LEASE_MS, type PullRow, type Tables } from './tables.ts'
import { lockType } from './type-store.ts'

export type StoredPull = Selectable<PullRow>
export type PullStore = ReturnType<typeof createPullStore>

export function createPullStore(database: Database) {
  const tables = tablesOf<Tables>(database)

  return {
    /** All that wait for a confirmation, in order; `take` says how many there may be. */
    of: async (subscription: number): Promise<StoredPull[]> =>
      (
        await tables
          .selectFrom('room_pull')
          .selectAll()
          .where('subscription', '=', subscription)
          .orderBy('sequence')
          .execute()
      ).map(pullOf),

    /**
     * Moves the cursor over events that were looked at; those that pass wait for their confirmation. False
     * when another call did so in the meantime, or the subscription is no longer active.
     */
    take: (
      subscription: StoredSubscription,
      q: {
        cursor: number
        given: number
        filterErrors: number
        secrecy: number
        rows: PullRow[]
        now: string
      },
    ): Promise<boolean> =>
      inTransaction(tables, async (transaction) => {
        // As what expires does: else an event could go that was just given.
        await lockType(transaction, subscription.type)
        const { numUpdatedRows } = await transaction
          .updateTable('room_subscription')
          .set({ cursor: q.cursor, given: q.given, secrecy: q.secrecy, changed_at: q.now })
          .set((row) => ({ filter_errors: row('filter_errors', '+', q.filterErrors) }))
          .where('id', '=', subscription.id)
          .where('cursor', '=', subscription.cursor)
          .where('state', '=', 'active')
          .executeTakeFirst()
        if (numUpdatedRows !== 1n) return false
        if (q.rows.length > 0) await transaction.insertInto('room_pull').values(q.rows).execute()
        return true
      }),

    /** Leases those whose lease is over; resolves to the sequences that are leased to this call. */
    lease: async (q: {
      subscription: number
      sequences: number[]
      now: string
      until: string
    }): Promise<Set<number>> => {
      if (q.sequences.length === 0) return new Set()
      const rows = await tables
        .updateTable('room_pull')
        .set({ leased_until: q.until })
        .where('subscription', '=', q.subscription)
        .where('sequence', 'in', q.sequences)
        .where(whereOver('leased_until', { now: q.now, longestMs: LONGEST_LEASE_MS }))
        .returning('sequence')
        .execute()
      return new Set(rows.map(({ sequence }) => Number(sequence)))
    },
    /** False when it does not wait: it was confirmed before, or never given. */
    confirm: async (subscription: number, sequence: number): Promise<boolean> => {
      const { numDeletedRows } = await tables
        .deleteFrom('room_pull')
        .where('subscription', '=', subscription)
        .where('sequence', '=', sequence)
        .executeTakeFirst()
      return numDeletedRows === 1n
    },
  }
}

/** One of the stores gives numbers as texts. */
function pullOf(row: StoredPull): StoredPull {
  return {
    ...{ ...row, subscription: Number(row.subscription), sequence: Number(row.sequence) },
    after: Number(row.after),
  }
}
