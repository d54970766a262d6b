/** The rows of recurring kinds: one each, which stays. */
import type { Kysely } from 'kysely'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { JobTables } from './migrations.ts'

export type RecurringRow = {
  kind: string
  everySeconds: Whole
  /** Null while no node has claimed it. */
  claimedUntil: Time | null
  lastEndedAt: Time | null
}

export function recurringRows(tables: Kysely<JobTables>) {
  return {
    runNow: async ({ kind, key, at }: { kind: string; key: string; at: string }): Promise<void> => {
      await tables
        .updateTable('job')
        .set({ run_at: at })
        .where('kind', '=', kind)
        .where('dedup_key', '=', key)
        .where('run_at', '>', at)
        .where('claimed_by', 'is', null)
        .execute()
    },
    recurring: async (kinds: string[]): Promise<RecurringRow[]> => {
      if (kinds.length === 0) return []
      return await tables
        .selectFrom('job')
        .leftJoin('job_kind', 'job_kind.kind', 'job.kind')
        .where('job.kind', 'in', kinds)
        .where('job.every_seconds', 'is not', null)
        .select((row) => [
          'job.kind as kind',
          row.ref('job.every_seconds').$castTo<number>().as('everySeconds'),
          'job.claimed_until as claimedUntil',
          'job_kind.last_ended_at as lastEndedAt',
        ])
        .orderBy('job.kind')
        .execute()
    },
  }
}
