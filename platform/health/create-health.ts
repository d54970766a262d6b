/** Reports whether the process is alive and whether it can do its work, with the reason when it cannot. */
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '#platform/clock.ts'
import { systemClock } from '#platform/clock.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { againIfStoodStill } from '#platform/stood-still.ts'
import { Fault } from '#schemas/fault.ts'
import type { Said } from '#schemas/said.ts'

export type Finding = { ok: boolean; reason?: string | Said | undefined }
export type HealthReport = { ready: boolean; checks: (Finding & { name: string })[] }

export type Health = {
  /**
   * `check` returns in plain words why the process is not ready; if it throws, the text of its fault is used.
   */
  add(name: string, check: () => Promise<Finding> | Finding): void
  report(): Promise<HealthReport>
  /**
   * `concordat_ready`, by check, for who watches metrics alone. Where a balancer asks often, no check runs
   * for it.
   */
  tell(metrics: Pick<Metrics, 'watch'>): void
  /**
   * Reports "not ready" from now on, so that load balancers send requests elsewhere while the process drains.
   */
  drain(): void
  /**
   * GET /health/live (200 while the process answers) and /health/ready (200 or 503 with reasons). `all`
   * reports for several processes on one port, instead of this one.
   */
  routes(app: FastifyInstance, all?: () => Promise<HealthReport>): void
}

const CACHE_MS = 1000
/** A scrape comes less often than this, and takes what somebody else has just asked. */
const SCRAPED_MS = 10_000
const CHECK_MS = 2000

export function createHealth(q: { clock?: Clock } = {}): Health {
  const clock = q.clock ?? systemClock
  const checks = new Map<string, () => Promise<Finding> | Finding>()
  let draining = false
  let last: { at: number; report: Promise<HealthReport> } | undefined

  const inspect = async (): Promise<HealthReport> => {
    const found = await Promise.all(
      [...checks].map(async ([name, check]) => ({ name, ...(await ask(check)) })),
    )
    if (draining) found.unshift({ name: 'process', ok: false, reason: 'it is shutting down' })
    return { ready: found.every(({ ok }) => ok), checks: found }
  }
  const reportOf = (ageMs: number): Promise<HealthReport> => {
    const now = clock()
    if (last === undefined || Math.abs(now - last.at) >= ageMs) last = { at: now, report: inspect() }
    return last.report
  }
  // One check per second is enough for any number of load balancers.
  const report = (): Promise<HealthReport> => reportOf(CACHE_MS)
  return {
    add: (name, check) => {
      checks.set(name, check)
      last = undefined
    },
    report,
    tell: (metrics) =>
      metrics.watch(
        'concordat_ready',
        '1 when this check of /health/ready is well, 0 when not',
        'check',
        async () => {
          const { checks } = await reportOf(SCRAPED_MS)
          return checks.map(({ name, ok }) => [name, ok ? 1 : 0] as const)
        },
      ),
    drain: () => {
      draining = true
      last = undefined
    },
    routes: (app, all = report) => {
      const config = { rateLimit: false }
      app.get('/health/live', { config, logLevel: 'warn' }, async () => ({ live: true }))
      app.get('/health/ready', { config, logLevel: 'warn' }, async (_request, reply) => {
        const found = await all()
        return reply.code(found.ready ? 200 : 503).send(found)
      })
    },
  }
}

const TOO_LATE = new Error('too late')

async function ask(check: () => Promise<Finding> | Finding): Promise<Finding> {
  try {
    const checking = (async () => check())()
    // A process that stood still is not unready for that: what its check waited for may have come meanwhile.
    return await againIfStoodStill(CHECK_MS, () => inTime(checking))
  } catch (thrown) {
    if (thrown === TOO_LATE) return { ok: false, reason: 'the check did not end in time' }
    return { ok: false, reason: thrown instanceof Fault ? thrown.message : 'the check failed' }
  }
}

async function inTime(checking: Promise<Finding>): Promise<Finding> {
  const ended = new AbortController()
  const tooLate = wait(CHECK_MS, undefined, { signal: ended.signal }).then(
    () => {
      throw TOO_LATE
    },
    () => checking,
  )
  return Promise.race([checking, tooLate]).finally(() => ended.abort())
}
