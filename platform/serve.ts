/**
 * Runs a list of features as a process: opens them in order, registers their operations, routes, findings and
 * jobs, listens, starts the jobs, and closes everything in the reverse order.
 */
import type { FastifyInstance } from 'fastify'
import { keyAuthentication } from '#platform/api-keys/create-api-keys.ts'
import { type Feature, type FeatureList, type Job, merge } from '#platform/feature.ts'
import type { Finding } from '#platform/health/create-health.ts'
import {
  type OpenApiRegistration,
  type OperationHandler,
  type RegisteredOpenApi,
  registerOpenApi,
} from '#platform/http-service/openapi.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import { failingJobs } from '#platform/jobs/failing-jobs.ts'
import type { Running } from '#platform/process/run-process.ts'
import { startInTurn } from '#platform/process/start-in-turn.ts'
import type { Services } from '#platform/services.ts'
import { metricsOfAll, readinessOfAll } from '#platform/workers/of-all.ts'

/** A listener besides the management API's. `addRoutes` receives the features' routes for it. */
export type Listener = {
  listen(addRoutes: (app: FastifyInstance) => Promise<void>): Promise<OpenListener>
}
export type OpenListener = {
  /** The finding under the listener's name, for a listener that may start later. */
  health?: () => Finding
  close(): Promise<void>
}

/** What a server has besides its features. */
export type Shape = {
  /** The management listener, without routes and not listening yet, and its address. */
  admin: { app: FastifyInstance; url: string; listen(): Promise<void> }
  /** The file of the management API. */
  document: OpenApiRegistration['document']
  /** Handlers of operations that belong to no feature. */
  operations?: Record<string, OperationHandler>
  /** Wraps all handlers, for example to record reading. */
  around?: (handlers: Record<string, OperationHandler>) => Record<string, OperationHandler>
  /** Authenticates callers; by default API keys only. */
  authenticate?: OpenApiRegistration['authenticate'] | undefined
  fourEyes?: OpenApiRegistration['fourEyes']
  admit?: OpenApiRegistration['admit']
  confirmation?: OpenApiRegistration['confirmation'] | undefined
  listeners: Record<string, Listener>
  /** Starts the jobs when they may run; by default at once. The returned function cancels the waiting. */
  whenOpen?: (start: () => Promise<void>) => Promise<() => void>
  /** Receives the function that carries out approved calls, once there is an API. */
  onApi?: (api: RegisteredOpenApi) => void
  ready: string
}

/**
 * The ground, which is the list's from now on; `closeGround` is called after all features are closed, and
 * closes the database as well.
 */
type Ground = Services & {
  closeGround(): void | Promise<void>
  /** Whether the clock is proven by what others signed; always where this is undefined. */
  isTimeProven?: () => boolean | Promise<boolean>
}

/**
 * Opens `features` on `ground` and runs them until `stop`. Throws if two features use one name, or operations
 * lack handlers, and what a feature or a listener throws: what was open by then is closed, the ground as
 * well.
 */
export function serve<G extends Ground, Offered extends object>(
  ground: G,
  features: FeatureList<G, Offered>,
  shapeOf: (all: G & Offered) => Shape | Promise<Shape>,
): Promise<Running> {
  return startInTurn(async (inTurn) => {
    inTurn.defer(() => ground.closeGround())
    const { opened, all } = await openAll(ground, features, inTurn)
    const { health, metrics, jobs, audit, once } = ground
    inTurn.defer(() => jobs.stop())
    inTurn.defer(async () => void (await Promise.all(opened.map(async (one) => one.drain?.()))))
    const shape = await shapeOf(all)
    const { app } = shape.admin
    const listening: OpenListener[] = []
    let stopWaiting = (): void => undefined
    inTurn.defer(() => stopWaiting())
    inTurn.defer(async () => void (await Promise.all([...listening.map((one) => one.close()), app.close()])))
    // Mistakes in the list are reported before anybody can connect.
    const recurring = registerJobs(ground, opened)
    checkListeners(opened, [...Object.keys(shape.listeners), 'admin'])
    const findings = merge(
      'finding',
      opened.map((one) => one.health ?? {}),
    )
    for (const [name, check] of Object.entries(findings)) health.add(name, check)
    health.add('jobs', jobs.standstill)
    metrics.watch('concordat_job_failing', '1 when the last run of this kind of job failed', 'kind', () =>
      failingJobs(jobs),
    )
    health.tell(metrics)
    addHealthAndMetrics(app, ground)
    await addRoutes(app, 'admin', opened)
    const handlers = merge('operation', [
      shape.operations ?? {},
      ...opened.map((one) => one.operations ?? {}),
    ])
    const api = await registerOpenApi(app, {
      ...{ document: shape.document, audit, once },
      handlers: shape.around?.(handlers) ?? handlers,
      authenticate: shape.authenticate ?? keyAuthentication(ground.apiKeys),
      ...(shape.fourEyes === undefined ? {} : { fourEyes: shape.fourEyes }),
      ...(shape.admit === undefined ? {} : { admit: shape.admit }),
      ...(shape.confirmation === undefined ? {} : { confirmation: shape.confirmation }),
    })
    shape.onApi?.(api)
    for (const [name, listener] of Object.entries(shape.listeners)) {
      const one = await listener.listen((to) => addRoutes(to, name, opened))
      listening.push(one)
      if (one.health !== undefined) health.add(name, one.health)
    }
    await shape.admin.listen()
    const startJobs = async (): Promise<void> => {
      await jobs.start()
      for (const job of recurring) await schedule(jobs, job)
    }
    stopWaiting = await (shape.whenOpen ?? atOnce)(startJobs)
    return {
      ready: shape.ready,
      async stop() {
        health.drain()
        await inTurn.disposeAsync()
      },
    }
  })
}

/** Each is closed before those that were opened earlier, which it may need. */
async function openAll<G extends object, Offered extends object>(
  ground: G,
  features: FeatureList<G, Offered>,
  inTurn: AsyncDisposableStack,
): Promise<{ opened: Feature[]; all: G & Offered }> {
  const opened: Feature[] = []
  const all = { ...ground } as Record<string, unknown>
  for (const module of features.modules) {
    const one = await module.open(all as never)
    inTurn.defer(() => one.close?.())
    opened.push(one)
    for (const [name, offer] of Object.entries(one.offers ?? {})) {
      if (Object.hasOwn(all, name)) throw new Error(`${module.name} offers ${name}, which is there already`)
      all[name] = offer
    }
  }
  return { opened, all: all as G & Offered }
}

/** A balancer and a scrape reach any worker, and are told of all. */
function addHealthAndMetrics(app: FastifyInstance, { health, metrics, siblings }: Services): void {
  if (siblings === undefined) {
    health.routes(app)
    metrics.routes(app)
    return
  }
  const { number, count } = siblings
  metrics.registry.setDefaultLabels({ worker: String(number) })
  siblings.onQuestion('health', async () => {
    const { ready, checks } = await health.report()
    // Texts in English, as the answer has them: what is said in other languages does not pass between
    // processes.
    return {
      ready,
      checks: checks.map(({ reason, ...check }) => ({ ...check, reason: reason && String(reason) })),
    }
  })
  siblings.onQuestion('metrics', () => metrics.registry.metrics())
  health.routes(app, async () => readinessOfAll(await siblings.ask('health'), count))
  const own = async () => [{ worker: number, answer: await metrics.registry.metrics() }]
  metrics.routes(app, async () => metricsOfAll((await siblings.ask('metrics')) ?? (await own())))
}

async function addRoutes(app: FastifyInstance, listener: string, opened: Feature[]): Promise<void> {
  for (const { routes } of opened) await routes?.[listener]?.(app)
}

function checkListeners(opened: Feature[], names: string[]): void {
  const unknown = opened
    .flatMap(({ routes }) => Object.keys(routes ?? {}))
    .filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new Error(`no listener is called ${unknown}`)
}

/** Fills the services' handlers; returns the recurring jobs, each with the kind in its row. */
function registerJobs({ handlers, places, node, isTimeProven }: Ground, opened: Feature[]): Job[] {
  const all = opened.flatMap((one) => one.jobs ?? [])
  const jobs = isTimeProven === undefined ? all : all.map((job) => whileProven(job, isTimeProven))
  const named = jobs.map((job) => ({
    ...job,
    kind: job.onEachNode === true ? `${job.kind} ${node}` : job.kind,
  }))
  Object.assign(
    handlers,
    merge(
      'job',
      named.map(({ kind, run }) => ({ [kind]: run })),
    ),
  )
  for (const { kind, places: most, onEachNode } of named) {
    if (most !== undefined) places[kind] = most
    // Claimed from the database alone: the queue would mostly announce it to a node that may not run it.
    else if (onEachNode === true) places[kind] = Number.POSITIVE_INFINITY
  }
  return named.filter(({ everySeconds }) => everySeconds !== undefined)
}

/**
 * A clock that is years ahead makes everything look over. What was not deleted then is looked at when the
 * clock is proven.
 */
function whileProven(job: Job, isProven: NonNullable<Ground['isTimeProven']>): Job {
  if (job.destroys !== true) return job
  let wasLeft = false
  return {
    ...job,
    isDue: async () => (wasLeft || ((await job.isDue?.()) ?? false)) && (await isProven()),
    run: async (call) => {
      wasLeft = !(await isProven())
      if (!wasLeft) await job.run(call)
    },
  }
}

function schedule(jobs: Jobs, { kind, everySeconds, immediately, isDue }: Job): Promise<void> {
  return jobs.every(kind, everySeconds!, { immediately, isDue })
}

async function atOnce(start: () => Promise<void>): Promise<() => void> {
  await start()
  return () => undefined
}
