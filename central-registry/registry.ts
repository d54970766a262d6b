/** The wiring of a central registry: database, keys and clock to rooms, rooms to listeners and jobs. */
import { hostname } from 'node:os'
import path from 'node:path'
import { createApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { apiKeyMigrations } from '#platform/api-keys/store.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { auditLogMigrations } from '#platform/audit-log/store.ts'
import type { Clock } from '#platform/clock.ts'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import { createHealth } from '#platform/health/create-health.ts'
import { servePages } from '#platform/http-service/serve-pages.ts'
import { createJobs } from '#platform/jobs/create-jobs.ts'
import { jobMigrations } from '#platform/jobs/migrations.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import type { Running } from '#platform/process/run-process.ts'
import { adminRoutes } from './admin/api.ts'
import { writeInitialApiKey } from './admin/first-api-key.ts'
import type { Settings } from './config.ts'
import { checkNotRestored, createHighWater } from './configuration/high-water.ts'
import { publicRoutes } from './configuration/public-routes.ts'
import { createPublish } from './configuration/publish.ts'
import { configurationHandlers } from './configuration/routes.ts'
import { openPrivateKeys } from './configuration/signing-keys/private-keys.ts'
import { signingKeyHandlers } from './configuration/signing-keys/routes.ts'
import { createSigningKeyStore } from './configuration/signing-keys/store.ts'
import { createPublicationStore } from './configuration/store.ts'
import { groupHandlers } from './groups/routes.ts'
import { createGroupStore } from './groups/store.ts'
import { announcePublication, PUBLISH } from './jobs/publication.ts'
import { adminListener, publicListener } from './listeners.ts'
import { createRelationStore } from './members/relations-store.ts'
import { memberHandlers } from './members/routes.ts'
import { createMemberStore } from './members/store.ts'
import { certificateExpiry } from './migrations/certificate-expiry.ts'
import { registryMigrations } from './migrations/first.ts'
import { overviewHandlers } from './overview/routes.ts'
import { createOverviewStore } from './overview/store.ts'
import { serverHandlers } from './servers/routes.ts'
import { createServerStore } from './servers/store.ts'
import { createChange } from './store.ts'
import { approvedCertificates, trustHandlers } from './trust/routes.ts'
import { createTrustStore } from './trust/store.ts'

const CONSOLE = {
  prefix: '/console',
  directory: path.resolve(import.meta.dirname, '../console/dist/registry'),
  how: 'npm exec -- concordat console',
}

export type RegistrySettings = {
  settings: Settings
  /** The secrets that the settings name by file. */
  pin: string
  redisUrl?: string | undefined
  acceptRestored?: boolean
  clock: Clock
  log: Log
}

/** A database with the registry's tables, brought to this version. */
export async function openRegistryDatabase(url: string): Promise<Database> {
  const database = await openDatabase(url)
  await migrate(database, {
    ...apiKeyMigrations,
    ...auditLogMigrations,
    ...jobMigrations,
    ...registryMigrations,
    ...certificateExpiry,
  })
  return database
}

export async function startRegistry(q: RegistrySettings): Promise<Running> {
  const { settings, clock, log } = q
  const { configuration, directory, publicUrl } = settings
  const privateKeys = await openPrivateKeys(path.join(directory, 'signing-keys'), q.pin)
  const database = await openRegistryDatabase(settings.database)
  const publications = createPublicationStore(database)
  const highWater = createHighWater(path.join(directory, 'highest-published-index'))
  const newestIndex = async (): Promise<number> => (await publications.newest())?.index ?? 0
  if (q.acceptRestored !== true) checkNotRestored(await newestIndex(), await highWater.read())

  const publish = createPublish({
    store: publications,
    privateKeys,
    highWater,
    acceptRestored: q.acceptRestored === true,
    now: () => new Date(clock()),
    sourceAddress: new URL(publicUrl).host,
    ...configuration,
  })
  const jobs = createJobs({
    database,
    clock,
    log,
    node: `${hostname()}-${process.pid}`,
    redisUrl: q.redisUrl,
    handlers: {
      [PUBLISH]: async () => {
        await publish()
      },
    },
  })
  const change = createChange(database, announcePublication(jobs, clock))
  const members = createMemberStore(database, change)
  const servers = createServerStore(database, change)
  const trust = createTrustStore(database, change)
  const keys = createSigningKeyStore(database, change)

  const apiKeys = createApiKeys({ database, clock })
  const audit = createAuditLog({ database, clock })
  const { initialApiKeyFile } = settings.admin
  if (initialApiKeyFile !== undefined) await writeInitialApiKey(initialApiKeyFile, { apiKeys, audit })

  const metrics = createMetrics()
  const health = createHealth()
  health.add('configuration', async () => {
    checkNotRestored(await newestIndex(), q.acceptRestored === true ? 0 : await highWater.read())
    const newest = await publications.newest()
    if (newest === undefined) return { ok: false, reason: 'nothing was published yet' }
    const reason = `index ${newest.index} expires ${newest.expiresAt}`
    return { ok: Date.parse(newest.expiresAt) > clock(), reason }
  })

  const publicApp = await publicListener(settings.public, log)
  publicRoutes(publicApp, publications)
  const adminApp = await adminListener(settings.admin, log)
  health.routes(adminApp)
  metrics.routes(adminApp)
  servePages(adminApp, CONSOLE)
  const trusted = () => approvedCertificates(trust)
  await adminRoutes(adminApp, {
    apiKeys,
    audit,
    handlers: {
      ...overviewHandlers({ store: createOverviewStore(database), servers, clock }),
      ...memberHandlers({ store: members, relations: createRelationStore(database), clock }),
      ...groupHandlers({ store: createGroupStore(database, change), members }),
      ...serverHandlers({ store: servers, members, trust: trusted, clock }),
      ...trustHandlers({ store: trust, clock }),
      ...configurationHandlers({ store: publications, members, keys, publish, publicUrl }),
      ...signingKeyHandlers({ store: keys, privateKeys, members, clock, ...configuration }),
    },
  })
  await publicApp.listen({ host: settings.public.address, port: settings.public.port })
  await adminApp.listen({ host: settings.admin.address, port: settings.admin.port })
  await jobs.start()
  await jobs.every(PUBLISH, configuration.renewSeconds, { immediately: true })

  const scheme = settings.admin.certificateFile === undefined ? 'http' : 'https'
  const admin = `${scheme}://${settings.admin.address}:${settings.admin.port}`
  return {
    ready: `configuration at ${publicUrl}, management API at ${admin}/api/v1, console at ${admin}${CONSOLE.prefix}/`,
    async stop() {
      health.drain()
      await Promise.all([publicApp.close(), adminApp.close()])
      await jobs.stop()
      await database.close()
    },
  }
}
