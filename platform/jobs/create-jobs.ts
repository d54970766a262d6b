/**
 * Work for later. Rows in the database are authoritative; one node at a time claims each. Without Redis each
 * process checks the rows by a timer. With `redisUrl`, BullMQ distributes ids to nodes, and a sweep announces
 * lost jobs again, or runs them.
 */
import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Clock } from '#platform/clock.ts'
import type { Database, Within } from '#platform/database/open-database.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { kept, type Said } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import { LONGEST_REST_MS } from './back-off.ts'
import { createCalls } from './calls.ts'
import { createIntervals } from './intervals.ts'
import { createLooks, type IsDue } from './looks.ts'
import type { RedisQueue } from './redis-queue.ts'
import { openRedisQueue } from './redis-queue.ts'
import type { JobHandler } from './runner.ts'
import { createRunner } from './runner.ts'
import { watchStandstill } from './standstill.ts'
import { createJobStore } from './store.ts'

export type { JobHandler } from './runner.ts'

type EnqueueOptions = {
  /** At most one job of a kind and key waits. If it is enqueued again while it runs, it runs once more. */
  key?: string
  runAt?: Date
  /** The transaction of the change that needs this job: both are committed, or neither. */
  within?: Within
}

export type JobState = {
  kind: string
  waiting: Whole
  lastEndedAt: Time | null
  lastSucceededAt: Time | null
  /** Null when the last run succeeded. */
  lastError: Said | null
}

export type Jobs = {
  start(): Promise<void>
  /** Stops claiming and waits for running jobs; after 10 s it aborts their signals. */
  stop(): Promise<void>
  /** Stores a job durably. It is deleted when its handler has succeeded. */
  enqueue(kind: string, payload: unknown, options?: EnqueueOptions): Promise<void>
  /**
   * Runs `kind` repeatedly, `seconds` after each end, on one node at a time. A function is called every
   * second, and a changed value takes effect at once: it can shorten a wait that has begun, but never
   * lengthen it. The function must not throw. `isDue` is asked every second on every node and only reads:
   * true runs the kind at once.
   */
  every(
    kind: string,
    seconds: number | (() => number),
    options?: { immediately?: boolean | undefined; isDue?: IsDue | undefined },
  ): Promise<void>
  /**
   * What this node does when it is called by `name`. It must tolerate any number of calls, and must not
   * throw.
   */
  onCall(name: string, act: () => void): void
  /**
   * Asks one node to look: with Redis one that is free, else this one. A call is no job: it may be lost,
   * repeated or come late, so that its work has to be in rows that every node looks at anyway. Calls in quick
   * succession are made one.
   */
  call(name: string): void
  state(): Promise<JobState[]>
  /** Not ok if a recurring job has not run for ten of its intervals, or at least five minutes. */
  standstill(): Promise<Finding>
}

const LONGEST_SLEEP_MS = 1000
const LEASE_SECONDS = 30
const CONCURRENCY = 8
const MAX_PAYLOAD = 64 * 1024
const RECURRING = 'recurring'
/** How much the queue's clock may be ahead of ours. */
const EARLY_MS = 50
/** In Redis mode: after this time a due job counts as lost by the queue and is announced again ... */
const LOST_MS = 2000
/** ... and after this time it is run here, whether the queue delivers it or not. */
const OVERDUE_MS = 10_000
const SWEEP = 200
const AFTER_COMMIT_MS = 100
const CALL = 'call '
/** How often the rows are checked for times that no correct clock can have written. */
const MEND_EVERY_MS = 1000

export function createJobs(q: {
  database: Database
  clock: Clock
  log: Log
  /** A name of this process, unique on the database; for people who look at the rows. */
  node: string
  handlers: Record<string, JobHandler>
  redisUrl?: string | undefined
  /** How long the job of a crashed node is blocked before another node may take it. */
  leaseSeconds?: number
  concurrency?: number
  /**
   * The most jobs of a kind that run here at once: limits kinds that wait for other machines, so that others
   * can run. Infinite for a kind that only this node runs: such kinds are claimed from the database alone.
   */
  places?: Record<string, number>
}): Jobs {
  const store = createJobStore(q.database)
  const concurrency = q.concurrency ?? CONCURRENCY
  const announced = new Map<string, number>()
  let queue: RedisQueue | undefined
  let timer: NodeJS.Timeout | undefined
  let ticking: Promise<void> | undefined
  let [started, askedAgain, stopped] = [false, false, false]
  /** When the rows are checked next, unless something happens. */
  let wakesAt = 0
  let mendedAt = Number.NEGATIVE_INFINITY
  const leaseMs = (q.leaseSeconds ?? LEASE_SECONDS) * 1000

  const runner = createRunner({
    ...q,
    store,
    concurrency,
    places: q.places ?? {},
    leaseMs,
    onEnd: (id, at, wasTaken) => {
      announced.delete(id)
      const inMs = at === undefined ? 0 : Date.parse(at) - q.clock()
      if (at !== undefined) announce(id, inMs)
      // Most recurring rows run again later than rows are checked anyway; others may wait for a free place.
      if (wasTaken || inMs < (ticking === undefined ? wakesAt - q.clock() : LONGEST_SLEEP_MS)) poke()
    },
  })

  const intervals = createIntervals((kind, seconds) => putRecurring(kind, seconds, false))
  const looks = createLooks({
    runNow: async (kind) => {
      await store.runNow({ kind, key: RECURRING, at: iso(q.clock()) })
      announce(`${RECURRING} ${kind}`, 0)
    },
    ...{ isRunning: runner.isRunning, elapsed: () => performance.now(), log: q.log },
  })
  const calls = createCalls({
    toAll: (name) => {
      if (queue?.isReady() !== true) return false
      announce(`${CALL}${name}`, 0)
      return true
    },
  })
  /** A queue that was set back may ask for what no longer exists. */
  const take = async (id: string): Promise<void> => {
    if (stopped) return
    if (id.startsWith(CALL)) calls.take(id.slice(CALL.length))
    else await runner.runOne(id, EARLY_MS)
  }

  const announce = (id: string, delayMs: number): void => {
    if (!stopped) queue?.announce(id, delayMs)
  }

  /** Checks the rows at once, instead of at the next timer. */
  const poke = (): void => {
    if (!started || stopped) return
    if (ticking !== undefined) {
      askedAgain = true
      return
    }
    clearTimeout(timer)
    ticking = tick().finally(() => {
      ticking = undefined
      if (askedAgain) {
        askedAgain = false
        poke()
      }
    })
  }

  const tick = async (): Promise<void> => {
    let sleepMs = LONGEST_SLEEP_MS
    try {
      await mendTimes()
      await intervals.follow()
      await looks.take()
      if (queue !== undefined) await sweep(queue)
      const next = queue === undefined ? await claim() : undefined
      if (next !== undefined) sleepMs = Math.min(LONGEST_SLEEP_MS, Math.max(1, Date.parse(next) - q.clock()))
    } catch (err) {
      q.log.error({ err }, 'jobs cannot be read')
    }
    wakesAt = q.clock() + sleepMs
    if (!stopped) timer = setTimeout(poke, sleepMs)
  }

  /** Starts what is due; returns when the next row is. */
  const claim = async (): Promise<string | undefined> => {
    // A claim that finds nothing would take the embedded store's lock for writing all the same.
    const next = runner.hasLateClaim() ? iso(q.clock()) : await store.nextDue(runner.open())
    if (next === undefined || next > iso(q.clock())) return next
    await runner.claimDue(0)
    return store.nextDue(runner.open())
  }

  const sweep = async (queue: RedisQueue): Promise<void> => {
    if (!queue.isReady()) return runner.claimDue(LOST_MS)
    const now = q.clock()
    for (const [id, at] of announced) if (now - at > OVERDUE_MS || at > now) announced.delete(id)
    const lost = await store.overdue({
      ...{ kinds: runner.open(), dueBefore: iso(now - LOST_MS) },
      ...{ now: iso(now), limit: SWEEP },
    })
    for (const id of lost) {
      if (announced.has(id)) continue
      announced.set(id, now)
      announce(id, 0)
    }
    await runner.claimDue(OVERDUE_MS)
  }

  /** A clock that was ahead and was set back leaves times far ahead, and nothing would run until then. */
  const mendTimes = async (): Promise<void> => {
    // Measured by elapsed time, which is independent of the clock.
    if (performance.now() - mendedAt < MEND_EVERY_MS) return
    const mended = await store.mendTimes({ now: q.clock(), leaseMs, longestRestMs: LONGEST_REST_MS })
    mendedAt = performance.now()
    if (mended > 0)
      q.log.warn(
        { jobs: mended },
        'jobs waited for a time that lay too far ahead, as after a clock was put back',
      )
  }

  const putRecurring = async (kind: string, seconds: number, immediately: boolean): Promise<void> => {
    const firstAt = q.clock() + (immediately ? 0 : seconds * 1000)
    const recurring = { id: `${RECURRING} ${kind}`, key: RECURRING, everySeconds: seconds }
    await store.putRecurring({ ...newJob(q, kind, null, firstAt), ...recurring }, immediately)
  }

  return {
    start: async () => {
      if (q.redisUrl !== undefined) {
        const name = await store.queueName()
        queue = await openRedisQueue({ url: q.redisUrl, name, log: q.log, concurrency, take })
      }
      started = true
      poke()
    },
    stop: async () => {
      stopped = true
      calls.stop()
      clearTimeout(timer)
      await ticking
      await runner.drain()
      await queue?.close()
    },
    enqueue: async (kind, payload, options = {}) => {
      const runAt = options.runAt?.getTime() ?? q.clock()
      const id = await store.put(
        { ...newJob(q, kind, payload, runAt), key: options.key ?? null },
        options.within,
      )
      // Before the commit nobody would find the row. If the commit takes longer, the next check finds it.
      const hold = options.within === undefined ? 0 : AFTER_COMMIT_MS
      announce(id, Math.max(hold, runAt - q.clock()))
      if (hold === 0) poke()
      else setTimeout(poke, hold).unref()
    },
    every: async (kind, seconds, { immediately = false, isDue } = {}) => {
      const now = typeof seconds === 'number' ? seconds : seconds()
      await putRecurring(kind, now, immediately)
      intervals.set(kind, seconds, now)
      if (isDue !== undefined) looks.set(kind, isDue)
      poke()
    },
    onCall: calls.onCall,
    call: calls.call,
    standstill: watchStandstill({
      recurring: () => store.recurring(Object.keys(q.handlers)),
      ...{ clock: q.clock, elapsed: () => performance.now() },
    }),
    state: async () =>
      (await store.kinds()).map((row) => ({
        kind: row.kind,
        waiting: row.waiting,
        lastEndedAt: row.last_ended_at,
        lastSucceededAt: row.last_succeeded_at,
        lastError: kept(row.last_error),
      })),
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

function newJob(
  { handlers, clock }: { handlers: Record<string, JobHandler>; clock: Clock },
  kind: string,
  payload: unknown,
  runAt: number,
) {
  if (handlers[kind] === undefined) throw new Error(`no handler for jobs of kind ${kind}`)
  const text = JSON.stringify(payload ?? null)
  if (text.length > MAX_PAYLOAD) throw new Error(`the payload of a ${kind} job is larger than ${MAX_PAYLOAD}`)
  const [now, at] = [new Date(clock()).toISOString(), new Date(runAt).toISOString()]
  return { id: randomUUID(), kind, key: null, payload: text, runAt: at, everySeconds: null, now }
}
