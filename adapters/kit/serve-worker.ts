/**
 * Runs an adapter that offers no service: it asks its security server and its own system, and only operators
 * ask it. Checks its settings, opens it, tells operators how it is, and drains.
 */
import { systemClock } from '#platform/clock.ts'
import { type Problem, readConfiguration } from '#platform/configuration/read-configuration.ts'
import { createHealth, type Finding } from '#platform/health/create-health.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { tlsOf } from '#platform/http-service/listener-tls.ts'
import { createLog, type Log } from '#platform/logging/create-log.ts'
import { createMetrics, type Metrics } from '#platform/metrics/create-metrics.ts'
import { watchCertificates } from '#platform/metrics/watch-certificates.ts'
import { requireLastingPlaces } from '#platform/nodes/lasting-places.ts'
import { type Running, runProcess } from '#platform/process/run-process.ts'
import { startInTurn } from '#platform/process/start-in-turn.ts'
import type { MonitoringSettings } from './settings.ts'

export type WorkerSettings = { monitoring: MonitoringSettings; logLevel: string }

export type Worker<Settings extends WorkerSettings> = {
  /** The name of its folder, and on the command line. */
  name: string
  /** JSON Schema 2020-12 of its settings file; the prefix of its environment variables. */
  schema: object
  prefix: string
  /** Throws what `problem` makes for settings that the schema accepts and that make no sense. */
  check(settings: Settings, problem: Problem): void
  /**
   * What its settings name that has to outlive a container: folders, files and databases. None unless this
   * says so.
   */
  lasting?(settings: Settings): string[]
  /**
   * Begins its work. Throws `invalid_configuration`; whatever is away is waited for, and `health` says so.
   */
  open(q: WorkerQuestion<Settings>): Promise<OpenWorker>
}

export type WorkerQuestion<Settings> = { settings: Settings; log: Log; metrics: Metrics }

export type OpenWorker = {
  /** Checks for /health/ready by name. */
  health: Record<string, () => Finding | Promise<Finding>>
  /** Ends what is under way, then frees what it holds. */
  close(): Promise<void>
}

type Environment = Record<string, string | undefined>

/** For the worker's main.ts: runs until SIGTERM or SIGINT. */
export async function runWorker<S extends WorkerSettings>(
  worker: Worker<S>,
  file: string,
  environment: Environment,
): Promise<void> {
  const name = `${worker.name}-adapter`
  const log = createLog({ name, level: 'info' })
  const start = async (): Promise<Running> => {
    const settings = await readWorkerSettings(worker, file, environment)
    requireLastingPlaces(worker.lasting?.(settings) ?? [], environment)
    log.level = settings.logLevel
    return serveWorker(worker, settings, log)
  }
  await runProcess({ name, log, start, heap: 'small' })
}

/** The checked settings of the file. Throws `invalid_configuration` with file, line and column. */
export function readWorkerSettings<S extends WorkerSettings>(
  worker: Pick<Worker<S>, 'schema' | 'prefix' | 'check'>,
  file: string,
  environment: Environment,
): Promise<S> {
  return readConfiguration<S>(file, worker.schema, environment, worker.prefix, (settings, problem) =>
    worker.check(settings, problem),
  )
}

/**
 * Opens the worker, and answers operators. `stop` lets what is under way end. If this throws, nothing stays
 * open.
 */
export function serveWorker<S extends WorkerSettings>(
  worker: Worker<S>,
  settings: S,
  log: Log,
): Promise<Running> {
  return startInTurn(async (inTurn) => {
    const metrics = createMetrics()
    const health = createHealth()
    const { address, port } = settings.monitoring
    const monitoring = createHttpService({ name: 'monitoring', log, ...(await tlsOf(settings.monitoring)) })
    inTurn.defer(() => monitoring.close())
    const opened = await worker.open({ settings, log, metrics })
    inTurn.defer(() => opened.close())
    for (const [name, check] of Object.entries(opened.health)) health.add(name, check)
    health.routes(monitoring)
    health.tell(metrics)
    await watchCertificates({ metrics, settings, clock: systemClock })
    metrics.routes(monitoring)
    await monitoring.listen({ host: address, port })
    return {
      ready: `its health at ${settings.monitoring.certificateFile === undefined ? 'http' : 'https'}://${address}:${port}`,
      async stop() {
        health.drain()
        await inTurn.disposeAsync()
      },
    }
  })
}
