/**
 * Runs an adapter as a process: checks its settings, opens the way to its system, listens to its own security
 * server alone, answers by the description that it publishes, and drains.
 */
import type { FastifyInstance } from 'fastify'
import { systemClock } from '#platform/clock.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { createHealth } from '#platform/health/create-health.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { answerThrown } from '#platform/http-service/fault-answer.ts'
import { tlsOf } from '#platform/http-service/listener-tls.ts'
import { registerOpenApi } from '#platform/http-service/openapi.ts'
import { createLog, type Log } from '#platform/logging/create-log.ts'
import { writePerTurn } from '#platform/logging/write-per-turn.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { watchCertificates } from '#platform/metrics/watch-certificates.ts'
import { requireLastingPlaces } from '#platform/nodes/lasting-places.ts'
import { type Running, runProcess } from '#platform/process/run-process.ts'
import { startInTurn } from '#platform/process/start-in-turn.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import type { Adapter } from './adapter.ts'
import { callerWith } from './caller-headers.ts'
import { checkNumbers } from './check-numbers.ts'
import { clientCheck } from './listen.ts'
import { logRequests } from './log-requests.ts'
import { openApiDocument, publicDocument } from './openapi-document.ts'
import { checkKitSettings, type KitSettings, serviceUrl } from './settings.ts'

const DOCUMENT_PATH = '/openapi.json'
/** A system that is away may be back soon; a busy one sets its own time. */
const RETRY_SECONDS = 5
const AWAY: readonly FaultCode[] = ['source_unavailable', 'source_timeout', 'source_busy']
const OWN_SECURITY_SERVER = {
  kind: 'key',
  id: 'security-server',
  name: 'the own security server',
  roles: [],
} as const

/** As the management API of a security server takes it. */
export type PublishedDocument =
  | { type: 'OPENAPI'; text: string }
  | { type: 'WSDL'; text: string; services: string[] }
const DOCUMENT_TYPES = { OPENAPI: 'application/json', WSDL: 'text/xml; charset=utf-8' }

type Environment = Record<string, string | undefined>

/** For the adapter's main.ts: runs until SIGTERM or SIGINT. */
export async function runAdapter<S extends KitSettings>(
  adapter: Adapter<S>,
  file: string,
  environment: Environment,
): Promise<void> {
  const name = `${adapter.name}-adapter`
  const log = createLog({ name, level: 'info', destination: writePerTurn() })
  const start = async (): Promise<Running> => {
    const settings = await readSettings(adapter, file, environment)
    requireLastingPlaces(adapter.lasting?.(settings) ?? [], environment)
    log.level = settings.logLevel
    return serveAdapter(adapter, settings, log)
  }
  await runProcess({ name, log, start, heap: 'small' })
}

/** The checked settings of the file. Throws `invalid_configuration` with file, line and column. */
export function readSettings<S extends KitSettings>(
  adapter: Adapter<S>,
  file: string,
  environment: Environment,
): Promise<S> {
  return readConfiguration<S>(file, adapter.schema, environment, adapter.prefix, (settings, problem) => {
    checkKitSettings(settings, problem)
    adapter.check(settings, problem)
  })
}

/** The OpenAPI document of what the adapter offers. */
export async function describeAdapter<S extends KitSettings>(
  adapter: Adapter<S>,
  settings: S,
): Promise<object> {
  const described = publicDocument(openApiDocument(settings, await adapter.describe(settings)))
  return (await adapter.document?.(settings, described)) ?? described
}

/** The document that the adapter publishes, which its service at the security server is described by. */
export async function publishedDocument<S extends KitSettings>(
  adapter: Adapter<S>,
  settings: S,
): Promise<PublishedDocument> {
  if (adapter.wsdl === undefined)
    return { type: 'OPENAPI', text: JSON.stringify(await describeAdapter(adapter, settings)) }
  // What is wrong with the settings is said here, too.
  await adapter.describe(settings)
  return { type: 'WSDL', ...(await adapter.wsdl(settings)) }
}

/**
 * Opens and serves the adapter. `stop` lets the requests under way end. If this throws, nothing stays open.
 */
export function serveAdapter<S extends KitSettings>(
  adapter: Adapter<S>,
  settings: S,
  log: Log,
): Promise<Running> {
  return startInTurn(async (inTurn) => {
    const metrics = createMetrics()
    const health = createHealth()
    const { https, guard } = await clientCheck(settings.listen, log)
    const tls = await tlsOf(settings.monitoring)
    const opened = await adapter.open({ settings, log, metrics })
    inTurn.defer(() => opened.close())
    for (const [name, check] of Object.entries(opened.health)) health.add(name, check)
    const monitoring = createHttpService({ name: 'monitoring', log, ...tls })
    inTurn.defer(() => monitoring.close())
    const app = createHttpService({
      ...{ name: 'service', log, logRequests: false, ...(https && { https }) },
      // The fault of a security server that was asked keeps its own code, as it would at that server's
      // listener.
      answerFailure: (thrown, request, reply) =>
        answerThrown(thrown, request, reply, isReceived(thrown) ? 'server.serverproxy' : undefined),
    })
    let isDraining = false
    inTurn.defer(() => {
      isDraining = true
      return app.close()
    })
    guard(app)
    logRequests(app, metrics)
    sayWhenToRetry(app)
    const turnIsOver = createTurns()
    // Otherwise the connection of a request that was under way would stay open, idle, and hold the process.
    app.addHook('onSend', (_request, reply) => {
      if (isDraining) reply.header('connection', 'close')
      return turnIsOver()
    })
    // An answer that had begun before could not say so.
    app.addHook('onResponse', (_request, _reply, done) => {
      if (isDraining) setImmediate(() => app.server.closeIdleConnections())
      done()
    })
    const document = openApiDocument(settings, await adapter.describe(settings))
    checkNumbers(app, document)
    await registerOpenApi(app, {
      document,
      handlers: opened.handlers,
      authenticate: async (_authorization, { headers }) => callerWith(OWN_SECURITY_SERVER, headers),
    })
    const base = new URL(serviceUrl(settings)).pathname.replace(/\/$/, '')
    opened.routes?.(app, base)
    const published = createOnce(() => publishedDocument(adapter, settings))
    await published().catch((thrown: unknown) => atStart(thrown, log))
    // SOAP services have their WSDL where they are, by custom as `?wsdl`.
    app.get(adapter.wsdl === undefined ? base + DOCUMENT_PATH : base || '/', async (_request, reply) => {
      const { type, text } = await published()
      return reply.type(DOCUMENT_TYPES[type]).send(text)
    })
    health.routes(monitoring)
    health.tell(metrics)
    await watchCertificates({ metrics, settings, clock: systemClock })
    metrics.routes(monitoring)
    await monitoring.listen({ host: settings.monitoring.address, port: settings.monitoring.port })
    await app.listen({ host: settings.listen.address, port: settings.listen.port })
    return {
      ready: `${settings.service.title} at ${serviceUrl(settings)}`,
      async stop() {
        health.drain()
        await inTurn.disposeAsync()
      },
    }
  })
}

function isReceived(thrown: unknown): boolean {
  return thrown instanceof Fault && thrown.received !== undefined
}

/**
 * The end of this turn of the event loop, whose answers leave together: each that leaves alone wakes the
 * client, which costs more than making it. A promise, since what a hook of fastify throws after a callback
 * ends the process: a header that cannot be written, say.
 */
function createTurns(): () => Promise<void> {
  let over: Promise<void> | undefined
  return () => {
    over ??= new Promise((resolve) => {
      setImmediate(() => {
        over = undefined
        resolve()
      })
    })
    return over
  }
}

/** `make` until it has succeeded once; all who ask meanwhile wait for the same attempt. */
function createOnce<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make().catch((thrown: unknown) => {
      made = undefined
      throw thrown
    })
    return made
  }
}

/** A system that is away may come back, and its document with it. */
function atStart(thrown: unknown, log: Log): void {
  if (!(thrown instanceof Fault) || !AWAY.includes(thrown.code)) throw thrown
  log.warn({ err: thrown }, 'the system is away: the description is answered with 503 until it is back')
}

function sayWhenToRetry(app: FastifyInstance): void {
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (reply.statusCode === 503 && !reply.hasHeader('retry-after'))
      reply.header('retry-after', RETRY_SECONDS)
    done()
  })
}
