/**
 * Rows of jobs, the authoritative state: what is to be done, which node does it, and how long its claim is
 * valid. Claiming and releasing are one statement each, so that two nodes never have the same row.
 */
import type { ExpressionBuilder, Insertable } from 'kysely'
import type { Database, Within } from '#platform/database/open-database.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { prepared } from '#platform/database/prepared.ts'
import type { Time } from '#schemas/sent-values.ts'
import { endedRows } from './ended-store.ts'
import { type LongestTimes, timesToMend } from './mend-times-store.ts'
import type { JobRow, JobTables, KindRow } from './migrations.ts'
import { type RecurringRow, recurringRows } from './recurring-store.ts'

/**
 * A node's claim. `token` is new for each claim, so that the owner of an expired claim cannot end a newer
 * one.
 */
export type Claim = { token: string; now: string; until: string }

type NewJob = {
  id: string
  kind: string
  key: string | null
  payload: string
  runAt: Time
  everySeconds: number | null
  now: string
}

export type JobStore = {
  /**
   * Adds the row. If there is one with its kind and key, that job runs (again) at the given time at the
   * latest. Returns the row's id.
   */
  put(job: NewJob, within?: Within): Promise<string>
  /** Adds or changes the single row of a recurring kind. */
  putRecurring(job: NewJob, immediately: boolean): Promise<void>
  /** Makes the row of a recurring kind due, unless it is claimed. */
  runNow(q: { kind: string; key: string; at: string }): Promise<void>
  /** Claims jobs that were due at `dueBefore`, oldest first. */
  claimDue(claim: Claim, q: { kinds: string[]; dueBefore: string; limit: number }): Promise<JobRow[]>
  /** Claims one row, unless another node has it, it is of another kind, or it is not due at `dueBefore`. */
  claimOne(claim: Claim, q: { id: string; kinds: string[]; dueBefore: string }): Promise<JobRow | undefined>
  /** False if the claim was lost meanwhile. */
  renew(id: string, claim: Claim): Promise<boolean>
  /** Ends a claim after success; returns when the row runs next, or undefined if it is gone. */
  succeed(
    job: JobRow,
    token: string,
    times: { now: string; next: string | null },
  ): Promise<string | undefined>
  /** Ends a claim after a failure: the row runs again at `next`. */
  fail(job: JobRow, token: string, times: { now: string; next: string; error: string }): Promise<void>
  /** When the next row becomes due or its claim expires. */
  nextDue(kinds: string[]): Promise<string | undefined>
  /** Ids of unclaimed rows that were due before `dueBefore`. */
  overdue(q: { kinds: string[]; dueBefore: string; now: string; limit: number }): Promise<string[]>
  /** Corrects times that no correct clock can have written. Returns the number of changed rows. */
  mendTimes(q: LongestTimes): Promise<number>
  kinds(): Promise<(KindRow & { waiting: number })[]>
  /** The recurring rows of these kinds. */
  recurring(kinds: string[]): Promise<RecurringRow[]>
  /** The name of this database's queue in Redis; several databases may share one server. */
  queueName(): Promise<string>
}

const COLUMNS = ['id', 'kind', 'dedup_key', 'payload', 'run_at', 'attempt', 'every_seconds'] as const

type Where = ExpressionBuilder<JobTables, 'job'>

export function createJobStore(database: Database): JobStore {
  const tables = tablesOf<JobTables>(database)
  const free = (now: string) => (row: Where) =>
    row.or([row('claimed_until', 'is', null), row('claimed_until', '<=', now)])
  const take = (claim: Claim) => (row: Where) => ({
    claimed_by: claim.token,
    claimed_until: claim.until,
    again_at: null,
    attempt: row('attempt', '+', 1),
  })

  const claims = lastFor((kinds) =>
    prepared(({ token, until, now, dueBefore, limit }: Claim & { dueBefore: string; limit: number }) =>
      tables
        .with('due', (on) => {
          const due = on
            .selectFrom('job')
            .select('id')
            .where('kind', 'in', kinds)
            .where('run_at', '<=', dueBefore)
            .where(free(now))
            .orderBy('run_at')
            .limit(limit)
          return database.dialect === 'postgresql' ? due.forUpdate().skipLocked() : due
        })
        .updateTable('job')
        .set(take({ token, until, now }))
        .where('id', 'in', (row) => row.selectFrom('due').select('due.id'))
        .returning(COLUMNS),
    ),
  )
  const dueOf = lastFor((kinds) =>
    prepared(() =>
      tables
        .selectFrom('job')
        .where('kind', 'in', kinds)
        .select((job) => job.fn.min(job.fn.coalesce('claimed_until', 'run_at')).as('due')),
    ),
  )

  return {
    put: async (job, within) => {
      const on = within === undefined ? tables : tablesOf<JobTables>({ kysely: within })
      const row = await on
        .insertInto('job')
        .values(rowOf(job))
        .onConflict((conflict) =>
          conflict.columns(['kind', 'dedup_key']).doUpdateSet((old) => {
            const asked = old.ref('excluded.run_at')
            const again = old.fn.coalesce('job.again_at', asked)
            return {
              payload: old.ref('excluded.payload'),
              created_at: old.ref('excluded.created_at'),
              run_at: old.case().when('job.run_at', '<', asked).then(old.ref('job.run_at')).else(asked).end(),
              // It is running now and may already have read the old state, so it runs once more after that.
              again_at: old.case().when('job.claimed_by', 'is not', null).then(again).else(null).end(),
            }
          }),
        )
        .returning('id')
        .executeTakeFirstOrThrow()
      return row.id
    },
    putRecurring: async (job, immediately) => {
      // Nodes that start at once give it the same id and key. PostgreSQL lets them race for whichever a
      // conflict clause does not name.
      const made = await tables
        .insertInto('job')
        .values(rowOf(job))
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      if (made.numInsertedOrUpdatedRows === 1n) return
      await tables
        .updateTable('job')
        .set((old) => {
          const asked = old.val(job.runAt)
          const sooner = old.case().when('run_at', '<', asked).then(old.ref('run_at')).else(asked).end()
          // The end of its current run would schedule the next one by the old interval, which may be a day.
          const again = old.case().when('claimed_by', 'is not', null).then(asked).else(null).end()
          return {
            every_seconds: job.everySeconds,
            run_at: immediately ? asked : sooner,
            again_at: again,
          }
        })
        .where('kind', '=', job.kind)
        .where('dedup_key', '=', job.key)
        .execute()
    },
    claimDue: async (claim, { kinds, ...q }) => {
      if (kinds.length === 0 || q.limit <= 0) return []
      return await claims(kinds)(tables, { ...claim, ...q })
    },
    claimOne: async (claim, { id, kinds, dueBefore }) => {
      if (kinds.length === 0) return undefined
      return await tables
        .updateTable('job')
        .set(take(claim))
        .where('id', '=', id)
        .where('kind', 'in', kinds)
        .where('run_at', '<=', dueBefore)
        .where(free(claim.now))
        .returning(COLUMNS)
        .executeTakeFirst()
    },
    renew: async (id, { token, until }) => {
      const update = tables.updateTable('job').set({ claimed_until: until }).where('id', '=', id)
      return (await update.where('claimed_by', '=', token).executeTakeFirst()).numUpdatedRows === 1n
    },
    ...endedRows(tables),
    nextDue: async (kinds) => {
      if (kinds.length === 0) return undefined
      const [row] = await dueOf(kinds)(tables, {})
      return row?.due ?? undefined
    },
    overdue: async ({ kinds, dueBefore, now, limit }) => {
      if (kinds.length === 0) return []
      const query = tables.selectFrom('job').select('id').where('kind', 'in', kinds)
      const late = query.where('run_at', '<=', dueBefore).where(free(now)).orderBy('run_at').limit(limit)
      return (await late.execute()).map(({ id }) => id)
    },
    mendTimes: timesToMend(tables),
    ...recurringRows(tables),
    queueName: async () =>
      (await tables.selectFrom('job_queue').select('name').executeTakeFirstOrThrow()).name,
    kinds: async () => {
      const counts = tables
        .selectFrom('job')
        .select(['kind', (job) => job.fn.countAll<number>().as('waiting')])
      const waiting = new Map(
        (await counts.groupBy('kind').execute()).map((row) => [row.kind, Number(row.waiting)]),
      )
      const columns = ['kind', 'last_ended_at', 'last_succeeded_at', 'last_error'] as const
      const ran = new Map(
        (await tables.selectFrom('job_kind').select(columns).execute()).map((row) => [row.kind, row]),
      )
      const none = { last_ended_at: null, last_succeeded_at: null, last_error: null }
      return [...new Set([...waiting.keys(), ...ran.keys()])].sort().map((kind) => ({
        ...none,
        ...ran.get(kind),
        kind,
        waiting: waiting.get(kind) ?? 0,
      }))
    },
  }
}

function rowOf(job: NewJob): Insertable<JobTables['job']> {
  return {
    id: job.id,
    kind: job.kind,
    dedup_key: job.key,
    payload: job.payload,
    run_at: job.runAt,
    attempt: 0,
    every_seconds: job.everySeconds,
    created_at: job.now,
  }
}

/** What `make` made for the last list of kinds: mostly it is the same. */
function lastFor<T>(make: (kinds: string[]) => T): (kinds: string[]) => T {
  let last: { key: string; made: T } | undefined
  return (kinds) => {
    const key = kinds.join('\n')
    if (last?.key !== key) last = { key, made: make(kinds) }
    return last.made
  }
}
