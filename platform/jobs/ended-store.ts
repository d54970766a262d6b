/** Ends of jobs: the claim is given back, and the row goes, or runs again. */
import type { Kysely } from 'kysely'
import { inTransaction } from '#platform/database/open-database.ts'
import { prepared } from '#platform/database/prepared.ts'
import { createWriteTogether } from '#platform/database/write-together.ts'
import type { JobRow, JobTables } from './migrations.ts'

type Times = { now: string; next: string | null }
type Success = { job: JobRow; token: string; times: Times }
type Failure = { now: string; next: string; error: string }

export function endedRows(tables: Kysely<JobTables>) {
  const freed = { claimed_by: null, claimed_until: null, again_at: null }
  const noteSuccess = prepared(({ kind, now }: { kind: string; now: string }) => {
    const facts = { last_ended_at: now, last_succeeded_at: now, last_error: null }
    return tables
      .insertInto('job_kind')
      .values({ kind, ...facts })
      .onConflict((conflict) => conflict.column('kind').doUpdateSet(facts))
  })
  const deleteUnlessAsked = prepared(({ id, token }: { id: string; token: string }) =>
    tables
      .deleteFrom('job')
      .where('id', '=', id)
      .where('claimed_by', '=', token)
      .where('again_at', 'is', null)
      .returning('id'),
  )
  const freeUntil = prepared(({ id, token, next }: { id: string; token: string; next: string }) =>
    tables
      .updateTable('job')
      .set((old) => ({ ...freed, attempt: 0, run_at: old.fn.coalesce('again_at', old.val(next)) }))
      .where('id', '=', id)
      .where('claimed_by', '=', token)
      .returning('run_at'),
  )
  const giveBack = async (on: Kysely<JobTables>, { job, token, times }: Success) => {
    const { id } = job
    if (times.next === null && (await deleteUnlessAsked(on, { id, token })).length === 1) return undefined
    const [row] = await freeUntil(on, { id, token, next: times.next ?? times.now })
    return row?.run_at
  }
  const succeed = (ended: Success[]): Promise<(string | undefined)[]> =>
    inTransaction(tables, async (on) => {
      const runAgainAt: (string | undefined)[] = []
      for (const one of ended) runAgainAt.push(await giveBack(on, one))
      // All nodes that end a job of a kind update the row of that kind. So these are updated last, and stay
      // locked only until the commit; and in one order, so that no two nodes wait for each other.
      const kinds = new Map(ended.map(({ job, times }) => [job.kind, times.now]))
      for (const kind of [...kinds.keys()].sort()) await noteSuccess(on, { kind, now: kinds.get(kind)! })
      return runAgainAt
    })
  // Recurring kinds run at the same moments, and most of them end at once.
  const succeedTogether = createWriteTogether(succeed)

  return {
    succeed: async (job: JobRow, token: string, times: Times): Promise<string | undefined> => {
      const one = { job, token, times }
      if (times.next !== null) return await succeedTogether(one)
      // A caller's transaction that enqueues several of these again locks their rows in its own order.
      const [runsAgainAt] = await succeed([one])
      return runsAgainAt
    },
    fail: (job: JobRow, token: string, { now, next, error }: Failure): Promise<void> =>
      inTransaction(tables, async (on) => {
        const update = on.updateTable('job').set({ ...freed, run_at: next })
        await update.where('id', '=', job.id).where('claimed_by', '=', token).execute()
        await on
          .insertInto('job_kind')
          .values({ kind: job.kind, last_ended_at: now, last_succeeded_at: null, last_error: error })
          .onConflict((conflict) =>
            conflict.column('kind').doUpdateSet({ last_ended_at: now, last_error: error }),
          )
          .execute()
      }),
  }
}
