/** The only wiring of the central registry: settings to database, keys and rooms, rooms to listeners and jobs. */
import { access, mkdir, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { apiKeyMigrations } from '#platform/api-keys/store.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { auditLogMigrations } from '#platform/audit-log/store.ts'
import { systemClock } from '#platform/clock.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { createHealth } from '#platform/health/create-health.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { adminRateLimit } from '#platform/http-service/rate-limit.ts'
import { createJobs } from '#platform/jobs/create-jobs.ts'
import { jobMigrations } from '#platform/jobs/migrations.ts'
import { createLog, type Log } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { type Running, runProcess } from '#platform/process/run-process.ts'
import { adminRoutes } from './admin/api.ts'
import { type Settings, settingsSchema } from './config.ts'
import { collectRows } from './configuration/collect-rows.ts'
import { publicRoutes } from './configuration/public-routes.ts'
import { createPublish } from './configuration/publish.ts'
import { configurationHandlers } from './configuration/routes.ts'
import { openSigningKeys } from './configuration/signing-key.ts'
import { createPublicationStore } from './configuration/store.ts'
import { publishSoon } from './jobs/publish-soon.ts'
import { memberHandlers } from './members/routes.ts'
import { createMemberStore } from './members/store.ts'
import { registryMigrations } from './migrations/first.ts'
import { serverHandlers } from './servers/routes.ts'
import { createServerStore } from './servers/store.ts'
import { approvedCertificates, trustHandlers } from './trust/routes.ts'
import { createTrustStore } from './trust/store.ts'

const ALL_ROLES = [
  'XROAD_REGISTRATION_OFFICER',
  'XROAD_SECURITY_OFFICER',
  'XROAD_SYSTEM_ADMINISTRATOR',
  'XROAD_OBSERVER',
  'XROAD_AUDITOR',
]
const CLEAN_SECONDS = 300
const FILES_KEPT_MS = 600 * 1000

const { values } = parseArgs({ options: { configuration: { type: 'string' } } })
const log = createLog({ name: 'central-registry', level: 'info' })

await runProcess({
  name: 'central-registry',
  log,
  start: async () =>
    start(
      await readConfiguration<Settings>(
        values.configuration ?? '',
        settingsSchema,
        process.env,
        'CONCORDAT_REGISTRY',
      ),
      log,
    ),
})

async function start(settings: Settings, log: Log): Promise<Running> {
  log.level = settings.logLevel
  await mkdir(settings.directory, { recursive: true, mode: 0o700 })
  const clock = systemClock
  const database = await openDatabase(settings.database)
  await migrate(database, {
    ...apiKeyMigrations,
    ...auditLogMigrations,
    ...jobMigrations,
    ...registryMigrations,
  })

  const keys = await openSigningKeys(
    path.join(settings.directory, 'signing-keys'),
    await readSecret(settings.pinFile),
  )
  const stores = {
    members: createMemberStore(database),
    servers: createServerStore(database),
    trust: createTrustStore(database),
  }
  const publications = createPublicationStore(database)
  const publish = createPublish({
    store: publications,
    keys,
    highWaterFile: path.join(settings.directory, 'highest-published-index'),
    rows: () => collectRows(stores),
    now: () => new Date(clock()),
    sourceAddress: new URL(settings.publicUrl).host,
    ...settings.configuration,
  })
  const soon = publishSoon(publish, log)
  const { changed } = soon

  const jobs = createJobs({
    database,
    clock,
    log,
    node: `${hostname()}-${process.pid}`,
    ...(settings.redisUrlFile === undefined ? {} : { redisUrl: await readSecret(settings.redisUrlFile) }),
    handlers: {
      'publish-configuration': soon.now,
      'clean-configuration': () => publications.clean(new Date(clock() - FILES_KEPT_MS).toISOString()),
    },
  })

  const apiKeys = createApiKeys({ database, clock })
  const audit = createAuditLog({ database, clock })
  await writeInitialApiKey(settings.admin.initialApiKeyFile, apiKeys)

  const metrics = createMetrics()
  const health = createHealth()
  health.add('configuration', async () => {
    const newest = await publications.newest()
    if (newest === undefined) return { ok: false, reason: 'nothing was published yet' }
    return {
      ok: Date.parse(newest.expiresAt) > clock(),
      reason: `index ${newest.index} expires ${newest.expiresAt}`,
    }
  })

  const publicApp = createHttpService({ name: 'configuration', log, logRequests: false })
  publicRoutes(publicApp, publications)
  const adminApp = createHttpService({ name: 'admin', log, rateLimit: adminRateLimit })
  health.routes(adminApp)
  metrics.routes(adminApp)
  await adminRoutes(adminApp, {
    apiKeys,
    audit,
    handlers: {
      ...memberHandlers({ store: stores.members, clock, changed }),
      ...serverHandlers({
        store: stores.servers,
        members: stores.members,
        trust: () => approvedCertificates(stores.trust),
        clock,
        changed,
      }),
      ...trustHandlers({ store: stores.trust, clock, changed }),
      ...configurationHandlers({
        store: publications,
        members: stores.members,
        keys,
        publish,
        publicUrl: settings.publicUrl,
        clock,
        changed,
      }),
    },
  })
  await publicApp.listen({ host: settings.public.address, port: settings.public.port })
  await adminApp.listen({ host: settings.admin.address, port: settings.admin.port })
  await jobs.start()
  await jobs.every('publish-configuration', settings.configuration.renewSeconds, { immediately: true })
  await jobs.every('clean-configuration', CLEAN_SECONDS)

  return {
    ready: `configuration at ${settings.publicUrl}, management API at http://${settings.admin.address}:${settings.admin.port}/api/v1`,
    async stop() {
      health.drain()
      await Promise.all([publicApp.close(), adminApp.close()])
      await soon.stop()
      await jobs.stop()
      await database.close()
    },
  }
}

/** The first key, in a file that only its owner reads; written once, so that nobody has to make one by hand in the database. */
async function writeInitialApiKey(
  file: string | undefined,
  apiKeys: ReturnType<typeof createApiKeys>,
): Promise<void> {
  if (file === undefined || (await apiKeys.list()).length > 0) return
  const exists = await access(file).then(
    () => true,
    () => false,
  )
  if (exists) return
  const { secret } = await apiKeys.create({ name: 'initial', roles: ALL_ROLES })
  await writeFile(file, `${secret}\n`, { mode: 0o600, flag: 'wx' })
}
