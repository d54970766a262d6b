/**
 * The holder of subject keys as a process: node security-server/subject-keys/main.ts --configuration
 * file.yaml
 */
import { chmod, readFile, rm } from 'node:fs/promises'
import { connect, type NetConnectOpts } from 'node:net'
import { parseArgs } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { systemClock } from '#platform/clock.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { createHealth, type Health } from '#platform/health/create-health.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { tlsOf as filesOf, LISTENER_TLS } from '#platform/http-service/listener-tls.ts'
import { createLog, type Log } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { watchCertificates } from '#platform/metrics/watch-certificates.ts'
import { requireLastingPlaces } from '#platform/nodes/lasting-places.ts'
import { type Running, runProcess } from '#platform/process/run-process.ts'
import { startInTurn } from '#platform/process/start-in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { checkHolderSettings, type HolderSettings, settingsSchema } from './config.ts'
import { createHolder } from './holder.ts'
import { holderRoutes } from './routes.ts'
import { holderMigrations } from './store.ts'

const LOOK_EVERY_MS = 600_000

const { values } = parseArgs({ options: { configuration: { type: 'string' } } })
const log = createLog({ name: 'subject-keys', level: 'info' })

await runProcess({ name: 'subject-keys', log, start: () => startInTurn((inTurn) => start(log, inTurn)) })

async function start(log: Log, inTurn: AsyncDisposableStack): Promise<Running> {
  const settings = await readConfiguration<HolderSettings>(
    values.configuration ?? '',
    settingsSchema,
    process.env,
    'SUBJECT_KEYS',
  )
  checkHolderSettings(settings)
  requireLastingPlaces([settings.directory, settings.database], process.env)
  log.level = settings.logLevel
  await refuseSecond(settings)
  const credentials = {
    index: await readSecret(settings.indexKeyFile),
    search: await readSecret(settings.searchKeyFile),
    tracker: settings.trackerKeyFile && (await readSecret(settings.trackerKeyFile)),
  }
  const database = await openDatabase(settings.database)
  inTurn.defer(() => database.close())
  await migrate(database, holderMigrations)
  const holder = await createHolder({ ...settings, database, clock: systemClock })
  let said = ''
  const destroyDue = async (): Promise<void> => {
    const months = await holder.destroyDue()
    if (months.length > 0) log.info({ months }, 'the keys of these months were destroyed')
    const waiting = holder.waiting()
    if (`${waiting}` !== said && waiting.length > 0)
      log.warn(
        { waiting },
        'the keys of these months are over by this clock alone: no server has told a signed time',
      )
    said = `${waiting}`
  }
  await destroyDue()
  await holder.recordPastDays()
  const timer = setInterval(() => {
    destroyDue().catch((err: unknown) => log.error({ err }, 'keys that are over could not be destroyed'))
    holder
      .recordPastDays()
      .catch((err: unknown) => log.error({ err }, 'what was evaluated could not be put into the audit log'))
  }, LOOK_EVERY_MS)
  inTurn.defer(() => clearInterval(timer))
  const app = createHttpService({ name: 'subject-keys', log, ...(await tlsOf(settings)) })
  inTurn.defer(() => app.close())
  const health = createHealth()
  health.add('database', async () => {
    await holder.state()
    return { ok: true }
  })
  health.add('destruction', async () => {
    const months = holder.waiting()
    if (months.length === 0) return { ok: true }
    const reason = `the keys of ${months.join(', ')} are over by this machine's clock alone, and stay until a server tells a time that others signed`
    return { ok: true, reason }
  })
  health.routes(app)
  await holderRoutes(app, { holder, credentials })
  await monitor(settings, health, log, inTurn)
  const where = await listen(app, settings)
  return { ready: `for ${settings.server} at ${where}`, stop: () => inTurn.disposeAsync() }
}

/** TLS accepts only a client with the one expected certificate. */
async function tlsOf({ listen }: HolderSettings): Promise<object> {
  if (listen === undefined) return {}
  return {
    https: {
      cert: await readFile(listen.certificateFile),
      key: await readSecret(listen.keyFile),
      ca: await readFile(listen.clientCertificateFile),
      requestCert: true,
      rejectUnauthorized: true,
      ...LISTENER_TLS,
      minVersion: 'TLSv1.3',
    },
  }
}

/**
 * Health and metrics for who has no credential, and no certificate that the other listener lets in: a probe,
 * say.
 */
async function monitor(
  settings: HolderSettings,
  health: Health,
  log: Log,
  inTurn: AsyncDisposableStack,
): Promise<void> {
  if (settings.monitoring === undefined) return
  const { address, port } = settings.monitoring
  const metrics = createMetrics()
  const app = createHttpService({ name: 'monitoring', log, ...(await filesOf(settings.monitoring)) })
  inTurn.defer(() => app.close())
  health.routes(app)
  health.tell(metrics)
  await watchCertificates({ metrics, settings, clock: systemClock })
  metrics.routes(app)
  await app.listen({ host: address, port })
}

async function listen(app: FastifyInstance, settings: HolderSettings): Promise<string> {
  if (settings.listen !== undefined) {
    const { address, port } = settings.listen
    await app.listen({ host: address, port })
    return `https://${address}:${port}`
  }
  const socket = settings.socket as string
  // A killed process leaves its socket.
  await rm(socket, { force: true })
  await app.listen({ path: socket })
  await chmod(socket, 0o660)
  return socket
}

/**
 * Called before anything is opened: a second process on the same keys would take the first one's newest file
 * for the remains of a crash.
 */
async function refuseSecond({ socket, listen }: HolderSettings): Promise<void> {
  const at = listen === undefined ? { path: socket as string } : { host: listen.address, port: listen.port }
  if (await isAnswered(at))
    throw new Fault('conflict', { what: `another process listens on ${Object.values(at).join(':')}` })
}

function isAnswered(at: NetConnectOpts): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(at)
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', () => resolve(false))
  })
}
