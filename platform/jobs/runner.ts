/**
 * Runs claimed jobs. A claim is renewed while the handler works and given up at the end. After a crash the
 * claim expires and another node claims the job, so a handler must tolerate being run twice. A failed job is
 * never given up; it is tried again later.
 */
import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '#platform/clock.ts'
import { createTurn } from '#platform/in-turn.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { describeError } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { backOff, isTold } from './back-off.ts'
import type { JobRow } from './migrations.ts'
import type { Claim, JobStore } from './store.ts'

/**
 * Does the work of one kind. Must be idempotent; should stop when `signal` aborts (claim lost, or the process
 * ends).
 */
export type JobHandler = (job: {
  id: string
  kind: string
  payload: unknown
  attempt: number
  signal: AbortSignal
}) => Promise<void>

type Outcome = { error?: unknown }

type Run = { job: JobRow; token: string; until: number; controller: AbortController }

type Runner = {
  /**
   * Claims and starts jobs that were due `lateMs` ago, limited by free places. Of kinds with limited places
   * it claims all due jobs: the queue's announcement of such a job is lost if there was no place for it.
   */
  claimDue(lateMs: number): Promise<void>
  /** Kinds that have a free place now. */
  open(): string[]
  isRunning(kind: string): boolean
  /** The clock leapt past the end of a claim of a job that still runs here. */
  hasLateClaim(): boolean
  /**
   * Claims a job and runs it to its end. Does nothing if another node has it, it does not exist, its kind has
   * no free place here, or it is not due within `earlyMs`.
   */
  runOne(id: string, earlyMs: number): Promise<void>
  /** Waits for running jobs, then aborts them. */
  drain(): Promise<void>
}

const DRAIN_MS = 10_000
const ABORT_MS = 2000
const MAX_ERROR = 500
/** How often a claim is renewed during its validity. */
const RENEWALS = 3
/** Recurring kinds run at moments that lie so far apart. */
const TOGETHER_MS = 1000
/** The longest wait between attempts to record the end of a job. */
const LONGEST_PAUSE_MS = 5000

export function createRunner(q: {
  store: JobStore
  clock: Clock
  log: Log
  node: string
  handlers: Record<string, JobHandler>
  leaseMs: number
  concurrency: number
  /** The most jobs of these kinds that run here at once; infinite for kinds that only this node runs. */
  places: Record<string, number>
  /**
   * Called when a job has ended and its place is free. `at`: when the row runs again; undefined if it is
   * gone. `wasTaken`: there was no other place for its kind, so others may have waited for it.
   */
  onEnd: (id: string, at: string | undefined, wasTaken: boolean) => void
}): Runner {
  const running = new Map<Promise<unknown>, Run>()
  const runningOf = new Map<string, number>()
  // Claims are made one after another, so that a claimed job has its place before the next one counts.
  const inTurn = createTurn()
  const iso = (ms: number): string => new Date(ms).toISOString()
  // Drawn, so that the servers of an instance do not all ask others at the same moment.
  const phase = Math.random() * TOGETHER_MS
  /** The last moment before a time at which this process runs recurring kinds: one claim takes all due. */
  const together = (ms: number): number => Math.max(q.clock(), ms - ((ms - phase) % TOGETHER_MS))
  const newClaim = (now = q.clock()): Claim => {
    return { token: `${q.node} ${randomUUID()}`, now: iso(now), until: iso(now + q.leaseMs) }
  }

  const start = async (job: JobRow, { token, until }: Claim): Promise<void> => {
    const run = { job, token, until: Date.parse(until), controller: new AbortController() }
    const ending = execute(run)
    running.set(ending, run)
    count(job.kind, 1)
    const renewal = setInterval(() => void renew(run), q.leaseMs / RENEWALS)
    const runsAgainAt = await ending
    clearInterval(renewal)
    const wasTaken = free() <= 0 || placesOf(job.kind) <= 0
    running.delete(ending)
    count(job.kind, -1)
    q.onEnd(job.id, runsAgainAt, wasTaken)
  }

  /** Returns a function that returns how far the clock has advanced since now beyond the elapsed time. */
  const watchLeaps = (): (() => number) => {
    const ahead = (): number => q.clock() - performance.now()
    const before = ahead()
    return () => ahead() - before
  }

  /** Returns when the row runs again; undefined if it is gone or the claim was lost. */
  const execute = async (run: Run): Promise<string | undefined> => {
    const { job, token, controller } = run
    const { id, kind, attempt } = job
    if (!(await isHeld(run))) return undefined
    const leaptMs = watchLeaps()
    let outcome: Outcome = {}
    try {
      await handlerOf(kind)({
        id,
        kind,
        payload: JSON.parse(job.payload),
        attempt,
        signal: controller.signal,
      })
    } catch (error) {
      outcome = { error: error ?? new Error('the handler threw nothing') }
    }
    // Giving up would run the job a second time: while the claim is valid, a slow database is waited for.
    for (let tries = 1; ; tries++) {
      try {
        return await end(job, token, outcome, leaptMs())
      } catch (err) {
        q.log.warn({ err, kind, job: id, tries }, 'the end of a job could not be recorded yet')
      }
      const rest = backOff(tries, Math.random(), LONGEST_PAUSE_MS)
      await wait(rest, undefined, { signal: controller.signal }).catch(() => undefined)
      if (controller.signal.aborted) {
        // The claim expires by itself; then the job is run once more, which its handler must tolerate.
        q.log.error({ kind, job: id, tries }, 'the end of a job was not recorded')
        return undefined
      }
    }
  }

  /** If the answer to a claim came late and little of it is left, it is renewed before the job starts. */
  const isHeld = async (run: Run): Promise<boolean> => {
    if (run.until - q.clock() < q.leaseMs * (1 - 1 / RENEWALS)) await renew(run)
    if (run.until > q.clock() && !run.controller.signal.aborted) return true
    q.log.warn({ kind: run.job.kind, job: run.job.id }, 'a claim came too late for its job to be begun')
    return false
  }

  const end = async (
    job: JobRow,
    token: string,
    outcome: Outcome,
    leaptMs: number,
  ): Promise<string | undefined> => {
    const now = q.clock()
    const everyMs = job.every_seconds === null ? undefined : job.every_seconds * 1000
    if (outcome.error === undefined) {
      if (job.attempt > 1)
        q.log.info({ kind: job.kind, job: job.id, attempt: job.attempt }, 'a job that had failed is done')
      // The run was for the time before a leap of the clock; the next one is due at once.
      const next = everyMs === undefined ? null : iso(leaptMs > everyMs ? now : together(now + everyMs))
      return await q.store.succeed(job, token, { now: iso(now), next })
    }
    const next = iso(now + backOff(job.attempt, Math.random(), everyMs))
    const error = String(describeError(outcome.error)['message'])
      // PostgreSQL refuses this character.
      .replaceAll('\0', '')
      .slice(0, MAX_ERROR)
    const level = isTold(job.attempt) ? 'warn' : 'debug'
    q.log[level](
      { err: outcome.error, kind: job.kind, job: job.id, attempt: job.attempt, next },
      'a job failed',
    )
    await q.store.fail(job, token, { now: iso(now), next, error })
    return next
  }

  const renew = async (run: Run): Promise<void> => {
    const { job, token, controller } = run
    try {
      const claim = newClaim()
      if (await q.store.renew(job.id, { ...claim, token })) run.until = Date.parse(claim.until)
      else controller.abort(new Fault('conflict', { what: 'another node has taken this job over' }))
    } catch (err) {
      q.log.warn({ err, kind: job.kind, job: job.id }, 'a claim could not be renewed')
    }
  }

  /**
   * After a leap of the clock (a machine's sleep) claims of jobs that still run here may have expired;
   * renewing them keeps other nodes from starting the jobs too. What is claimed afterwards has to be free at
   * this same moment: the clock may leap once more while these are renewed or others are claimed.
   */
  const renewLate = async (now: number): Promise<void> => {
    for (const run of running.values()) if (run.until <= now) await renew(run)
  }

  const handlerOf = (kind: string): JobHandler => {
    const handler = q.handlers[kind]
    if (handler === undefined) throw new Error(`no handler for jobs of kind ${kind}`)
    return handler
  }

  const count = (kind: string, by: 1 | -1): void => void runningOf.set(kind, (runningOf.get(kind) ?? 0) + by)
  const free = (): number => q.concurrency - running.size
  const placesOf = (kind: string): number =>
    (q.places[kind] ?? Number.POSITIVE_INFINITY) - (runningOf.get(kind) ?? 0)
  const withPlace = (): string[] => Object.keys(q.handlers).filter((kind) => placesOf(kind) > 0)

  return {
    claimDue: (lateMs) =>
      inTurn(async () => {
        const now = q.clock()
        await renewLate(now)
        const kinds = withPlace()
        const isOwn = (kind: string): boolean => q.places[kind] === Number.POSITIVE_INFINITY
        const isLimited = (kind: string): boolean => kind in q.places && !isOwn(kind)
        const groups = [
          { kinds: kinds.filter((kind) => !isLimited(kind) && (lateMs === 0 || !isOwn(kind))), lateMs },
          { kinds: kinds.filter((kind) => lateMs > 0 && isOwn(kind)), lateMs: 0 },
          ...kinds.filter(isLimited).map((kind) => ({ kinds: [kind], lateMs: 0 })),
        ]
        for (const group of groups) {
          const claim = newClaim(now)
          const limit = Math.min(free(), ...group.kinds.map(placesOf))
          const dueBefore = iso(now - group.lateMs)
          const jobs = await q.store.claimDue(claim, { kinds: group.kinds, dueBefore, limit })
          for (const job of jobs) void start(job, claim)
        }
      }),
    open: () => (free() > 0 ? withPlace() : []),
    isRunning: (kind) => (runningOf.get(kind) ?? 0) > 0,
    hasLateClaim: () => [...running.values()].some((run) => run.until <= q.clock()),
    runOne: async (id, earlyMs) => {
      const begun = await inTurn(async () => {
        const now = q.clock()
        await renewLate(now)
        const claim = newClaim(now)
        const dueBefore = iso(now + earlyMs)
        const job = await q.store.claimOne(claim, { id, kinds: withPlace(), dueBefore })
        // Wrapped, not the promise itself: otherwise the turn would wait for the end of the job.
        return job === undefined ? undefined : { ended: start(job, claim) }
      })
      await begun?.ended
    },
    drain: async () => {
      if (await endWithin([...running.keys()], DRAIN_MS)) return
      for (const { controller } of running.values()) controller.abort(new Fault('service_unavailable'))
      await endWithin([...running.keys()], ABORT_MS)
    },
  }
}

async function endWithin(runs: Promise<unknown>[], ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  const all = Promise.allSettled(runs).then(() => true)
  return await Promise.race([all, late]).finally(() => clearTimeout(timer))
}
