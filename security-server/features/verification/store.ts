/** Stores the runs of verifications, and the state from which the next run continues. */
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { VerificationRow, VerificationTables } from './tables.ts'

/** `before` is the id of the last row of the page before. */
export type VerificationFilter = {
  before?: number | undefined
  outcome?: string | undefined
  limit: number
}

export type VerificationStore = ReturnType<typeof createVerificationStore>

const KEPT = 1000

export function createVerificationStore(database: Database) {
  const tables = tablesOf<VerificationTables>(database)
  return {
    /**
     * Starts a run and returns its id. Returns undefined when another run has reported since `aliveSince`.
     * Marks a run that has not as interrupted.
     */
    begin: (q: { mode: string; now: string; aliveSince: string }): Promise<number | undefined> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'log verification')
        const running = await transaction
          .selectFrom('log_verification')
          .select('id')
          .where('outcome', '=', 'running')
          .where('seen_at', '>', q.aliveSince)
          .executeTakeFirst()
        if (running !== undefined) return undefined
        await transaction
          .updateTable('log_verification')
          .set({ outcome: 'interrupted', ended_at: q.now })
          .where('outcome', '=', 'running')
          .execute()
        const { id } = await transaction
          .insertInto('log_verification')
          .values({
            started_at: q.now,
            seen_at: q.now,
            ended_at: null,
            mode: q.mode,
            outcome: 'running',
            first_record: 0,
            records: 0,
            reason: null,
            report: null,
          })
          .returning('id')
          .executeTakeFirstOrThrow()
        await transaction
          .deleteFrom('log_verification')
          .where('id', '<=', id - KEPT)
          .execute()
        return id
      }),
    update: async (id: number, change: Partial<Omit<VerificationRow, 'id'>>): Promise<void> => {
      await tables.updateTable('log_verification').set(change).where('id', '=', id).execute()
    },
    /** Newest first. */
    list: ({ before, outcome, limit }: VerificationFilter): Promise<VerificationRow[]> => {
      let query = tables.selectFrom('log_verification').selectAll()
      if (before !== undefined) query = query.where('id', '<', before)
      if (outcome !== undefined) query = query.where('outcome', '=', outcome)
      return query.orderBy('id', 'desc').limit(limit).execute()
    },
    /** The latest run with a verdict. */
    newestVerdict: (): Promise<VerificationRow | undefined> =>
      tables
        .selectFrom('log_verification')
        .selectAll()
        .where('outcome', 'in', ['holds', 'broken'])
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst(),
    newest: (): Promise<VerificationRow | undefined> =>
      tables.selectFrom('log_verification').selectAll().orderBy('id', 'desc').limit(1).executeTakeFirst(),
    state: (): Promise<{ state: string; full_at: string } | undefined> =>
      tables.selectFrom('log_verification_state').select(['state', 'full_at']).executeTakeFirst(),
    putState: async (state: string, fullAt: string): Promise<void> => {
      const row = { state, full_at: fullAt }
      await tables
        .insertInto('log_verification_state')
        .values({ id: 1, ...row })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute()
    },
  }
}
