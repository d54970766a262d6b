/** The only wiring of the security server: settings to rooms, rooms to the two halves, halves to listeners and jobs. */
import { mkdir } from 'node:fs/promises'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { publicKeyOf } from '#core/certificate/certificate.ts'
import { ALGORITHM_ENDS } from '#core/evidence/validation-policy.ts'
import { apiKeyMigrations } from '#platform/api-keys/store.ts'
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
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseServerId } from '#schemas/identifiers.ts'
import { adminRoutes } from './admin/api.ts'
import { type Settings, settingsSchema } from './config.ts'
import { evidenceRoutes } from './consumer/evidence.ts'
import { listClientsRoute } from './consumer/list-clients.ts'
import type { ConsumerRooms } from './consumer/rooms.ts'
import { consumerRoutes } from './consumer/routes.ts'
import { CLIENT_IDLE_MS } from './drain-listener.ts'
import { createConfigurationClient } from './global-configuration/client.ts'
import { createContracts } from './global-configuration/contracts/contracts.ts'
import { registryFinding, suspensionListFinding, watchRegistry } from './global-configuration/findings.ts'
import { createGlobalConfiguration } from './global-configuration/global-configuration.ts'
import { createPostDocument } from './global-configuration/registration/client.ts'
import { createTimeStampClient } from './jobs/client.ts'
import { createFetchStatus, readable } from './jobs/fetch-status.ts'
import { failingJobs, jobHandlers, scheduleJobs } from './jobs/handlers.ts'
import { lateTimeStamps, timeStampInterval } from './jobs/time-stamp-interval.ts'
import { createOcspClient } from './keys/client.ts'
import { createKeys, type Keys } from './keys/keys.ts'
import { armConsumer, armProvider, KILL_POINTS } from './kill-points.ts'
import { listenForClients, listenForPeers } from './listeners.ts'
import { createLocalSystems } from './local-systems/local-systems.ts'
import { openMessageLog } from './message-log/message-log.ts'
import { verifyStored } from './message-log/verify/verify-stored.ts'
import { serverContractMigrations } from './migrations/contracts.ts'
import { localSystemsMigrations } from './migrations/local-systems.ts'
import { createPeerClient } from './peer/client.ts'
import { createOcspByHash } from './peer/ocsp-by-hash.ts'
import { createMessageSigner } from './peer/sign-message.ts'
import { createMessageVerifier } from './peer/verify-message.ts'
import { createPeerVerifier } from './peer/verify-peer.ts'
import { createServiceClient } from './provider/client.ts'
import { createPeerQuota } from './provider/peer-quota.ts'
import type { ProviderRooms } from './provider/rooms.ts'
import { providerRoutes } from './provider/routes.ts'

const { values } = parseArgs({ options: { configuration: { type: 'string' } } })
const log = createLog({ name: 'security-server', level: 'info' })

await runProcess({
  name: 'security-server',
  log,
  start: async () =>
    start(
      await readConfiguration<Settings>(values.configuration ?? '', settingsSchema, process.env, 'CONCORDAT'),
      log,
    ),
})

async function start(settings: Settings, log: Log): Promise<Running> {
  log.level = settings.logLevel
  const clock = systemClock
  const server = parseServerId(settings.server)
  // Stands in rows and file names; the same after every restart, so that recovery finds its own intents.
  const node = `${hostname()}-${settings.peers.address}-${settings.peers.messagePort}`
    .replace(/[^A-Za-z0-9.-]/g, '_')
    .slice(-64)
  const folder = async (name: string): Promise<string> => {
    const directory = path.join(settings.directory, name)
    await mkdir(directory, { recursive: true, mode: 0o700 })
    return directory
  }

  // Rooms
  const globalConfiguration = await createGlobalConfiguration({
    directory: await folder('configuration'),
    clock,
    log,
    client: createConfigurationClient(),
  })
  const keys = await createKeys({
    directory: await folder('keys'),
    clock,
    configuration: () => globalConfiguration.current().index,
    hostNames: { hostName: hostname(), ipAddresses: ownAddresses(settings.clients.https?.address) },
  })
  // Other threads do both.
  await Promise.all([unlockToken(keys, settings.pinFile, log), globalConfiguration.restored()])
  // The login asked for none while the configuration was not there yet; a failure shows in the certificates' states.
  void keys.refreshOcsp().catch(() => undefined)
  const database = await openDatabase(settings.database)
  await migrate(database, {
    ...apiKeyMigrations,
    ...auditLogMigrations,
    ...jobMigrations,
    ...localSystemsMigrations,
    ...serverContractMigrations,
  })
  const localSystems = await createLocalSystems({ database, clock, own: ownListeners(settings) })
  const contracts = await createContracts({
    ...{ server, database, clock, log },
    configuration: () => globalConfiguration.current(),
    signJson: keys.signJson,
    post: createPostDocument(() => globalConfiguration.current().index.privateParameters?.managementService),
  })
  const ocspClient = createOcspClient()
  const stored = {
    databaseUrl: settings.messageLogDatabase,
    keyFolder: await folder('log-keys'),
    bodyFolder: await folder('bodies'),
  }
  const unstampedLimitSeconds = settings.limits.unstampedHours * 3600
  const fetchStatus = createFetchStatus({
    clock,
    configurations: () => [...globalConfiguration.current().indexes()],
    fetchOcsp: ocspClient.fetch,
  })
  const messageLog = await openMessageLog({
    ...stored,
    server,
    node,
    clock,
    unstampedLimitMs: unstampedLimitSeconds * 1000,
    onFault: (fault) => log.error({ err: fault, detail: fault.detail }, 'message log'),
    signer: {
      name: idText(memberOf(server)),
      get publicKey() {
        return publicKeyOf(keys.signingIdentity(memberOf(server)).certificate)
      },
      sign: (data) => keys.signingIdentity(memberOf(server)).sign(data),
      evidence: () => {
        const { certificate, intermediates, ocspResponses } = keys.signingIdentity(memberOf(server))
        return { certificates: [certificate, ...intermediates].map(({ der }) => der), ocspResponses }
      },
    },
    stamp: createTimeStampClient({
      clock,
      configuration: () => globalConfiguration.current().index,
      fetchStatus,
    }),
    signerStatus: (certificates) => fetchStatus(readable(certificates)),
    evidenceRecords: {
      intervalMs: settings.evidenceRecords.intervalHours * 3_600_000,
      beforeMs: settings.evidenceRecords.renewBeforeDays * 86_400_000,
      ends: {
        ...ALGORITHM_ENDS,
        ...Object.fromEntries(settings.evidenceRecords.algorithmEnds.map((one) => one.split(' '))),
      },
    },
  })

  // The two halves
  const xroadTlsPeers: ReadonlySet<string> = new Set(
    settings.peers.xroadTlsPeers.map((text) => idText(parseServerId(text))),
  )
  const verifyPeer = createPeerVerifier()
  const peerClient = createPeerClient(
    { keys, globalConfiguration, verifyPeer, xroadTlsPeers, clock },
    {
      messagePort: settings.peers.messagePort,
      ocspPort: settings.peers.ocspPort,
      connectTimeoutMs: 10_000,
      replyTimeoutMs: settings.limits.replyTimeoutSeconds * 1000,
      idleTimeoutMs: CLIENT_IDLE_MS,
      connectionsPerPeer: 64,
    },
  )
  const serviceClient = createServiceClient({
    connectTimeoutMs: 10_000,
    connectionsPerService: 64,
    own: ownListeners(settings),
    identity: keys.internalTls.identity,
  })
  const shared = {
    server,
    clock,
    limits: { maxMessageBytes: 64 * 1024, maxBodyBytes: settings.limits.bodyBytes },
    globalConfiguration,
    contracts,
    localSystems,
    messageLog,
    signMessage: createMessageSigner({ keys, clock }),
    verifyMessage: createMessageVerifier(),
  }
  let consumer: ConsumerRooms = { ...shared, peerClient, authenticationIdentity: keys.authenticationIdentity }
  let provider: ProviderRooms = {
    ...shared,
    verifyPeer,
    xroadTlsPeers,
    serviceClient,
    quota: createPeerQuota({
      perSecond: settings.peers.perSecond,
      burst: settings.peers.perSecond,
      underWay: settings.peers.underWay,
      clock,
    }),
  }
  const armed = killPointOf(settings)
  if (armed?.half === 'consumer') consumer = armConsumer(consumer, armed.point)
  if (armed?.half === 'provider') provider = armProvider(provider, armed.point)

  // Later work
  const intervalSeconds = timeStampInterval({
    configuration: () => globalConfiguration.current().index,
    unstampedLimitSeconds,
  })
  const recovered = await messageLog.recover()
  if (recovered > 0)
    log.warn({ recovered }, 'exchanges that a crash left open were recorded as outcome unknown')
  const jobs = createJobs({
    database,
    clock,
    log,
    node,
    handlers: jobHandlers({ keys, globalConfiguration, contracts, localSystems, messageLog }, node),
    ...(settings.redisUrlFile === undefined ? {} : { redisUrl: await readSecret(settings.redisUrlFile) }),
  })

  // Listeners
  const metrics = createMetrics()
  const exchanges = metrics.histogram('concordat_exchange_seconds', 'Exchanges by half and outcome', [
    'half',
    'outcome',
  ])
  metrics.watch(
    'concordat_log_unstamped_seconds',
    'Age of the oldest record without a time-stamp, 0 when there is none',
    () => {
      const oldest = messageLog.oldestUnstamped()
      return oldest === undefined ? 0 : Math.max(0, (clock() - oldest.getTime()) / 1000)
    },
  )
  watchRegistry(metrics, { state: globalConfiguration.state, clock })
  metrics.watch('concordat_job_failing', '1 when the last run of this kind of job failed', 'kind', () =>
    failingJobs(jobs),
  )
  const observe = (half: string) => (outcome: string, seconds: number) =>
    exchanges.observe({ half, outcome }, seconds)
  const clientApps = await listenForClients(settings.clients, { keys, log }, (app) => {
    consumerRoutes(app, consumer, log, observe('consumer'))
    listClientsRoute(app, globalConfiguration, log)
    evidenceRoutes(app, { globalConfiguration, localSystems, evidence: messageLog }, log)
  })
  const peers = listenForPeers(settings.peers, { keys, globalConfiguration, xroadTlsPeers, log }, (app) =>
    providerRoutes(app, provider, log, observe('provider')),
  )
  const ocspApp = createOcspByHash(keys)
  await ocspApp.listen({ host: settings.peers.address, port: settings.peers.ocspPort })

  const health = createHealth()
  const ok = (check: () => unknown) => () => {
    check()
    return { ok: true }
  }
  health.add(
    'configuration',
    ok(() => globalConfiguration.current()),
  )
  health.add('suspension-list', () => suspensionListFinding(globalConfiguration.state(), clock()))
  health.add('registry', () => registryFinding(globalConfiguration.state()))
  health.add(
    'keys',
    ok(() => keys.authenticationIdentity()),
  )
  // Exchange goes on without it for a while; what keeps it going are jobs.
  health.add('database', async () => {
    await jobs.state()
    return { ok: true }
  })
  health.add(
    'message-log',
    ok(() => messageLog.checkUsable()),
  )
  health.add('time-stamps', () => lateTimeStamps({ ...messageLog, intervalSeconds, clock }))
  health.add('peers', () => ({
    ok: peers.isListening(),
    reason: peers.isListening() ? undefined : 'not listening yet',
  }))
  const adminApp = createHttpService({ name: 'admin', log, rateLimit: adminRateLimit })
  health.routes(adminApp)
  metrics.routes(adminApp)
  await adminRoutes(adminApp, {
    server,
    database,
    clock,
    keys,
    globalConfiguration,
    contracts,
    localSystems,
    messageLog: {
      ...messageLog,
      verify: () => {
        const { tsaCertificates } = globalConfiguration.current().index
        return verifyStored(stored, { tsaCertificates })
      },
    },
    jobs,
    initialApiKeyFile: settings.admin.initialApiKeyFile,
    own: ownListeners(settings),
  })
  await adminApp.listen({ host: settings.admin.address, port: settings.admin.port })
  await jobs.start()
  await scheduleJobs(jobs, node, intervalSeconds)

  return {
    ready: `${settings.server}, management API at http://${settings.admin.address}:${settings.admin.port}/api/v1`,
    async stop() {
      health.drain()
      await Promise.all([
        ...clientApps.map((app) => app.close()),
        peers.stop(),
        ocspApp.close(),
        adminApp.close(),
      ])
      await jobs.stop()
      await Promise.all([peerClient.close(), serviceClient.close(), ocspClient.close(), keys.close()])
      await messageLog.close()
      await database.close()
    },
  }
}

/** Logs in with the PIN file; a new token gets this PIN. A wrong PIN leaves the server up, locked and not ready. */
async function unlockToken(keys: Keys, pinFile: string, log: Log): Promise<void> {
  const pin = await readSecret(pinFile)
  try {
    if (keys.tokens()[0]?.initialized !== true) await keys.initialize(pin)
    await keys.login(pin)
  } catch (cause) {
    log.error({ err: cause }, 'the token stays locked')
  }
}

/** The address that a certificate can name: none when the listener takes every address, names a host or a zone (%eth0). */
function ownAddresses(address: string | undefined): string[] {
  return address === undefined || isIP(address) === 0 || address.includes('%') || /^[0.:]+$/.test(address)
    ? []
    : [address]
}

function ownListeners(settings: Settings): { host: string; port: number }[] {
  const { peers, clients, admin } = settings
  const own = [
    { host: peers.address, port: peers.messagePort },
    { host: peers.address, port: peers.ocspPort },
    { host: admin.address, port: admin.port },
  ]
  for (const listener of [clients.http, clients.https]) {
    if (listener !== undefined) own.push({ host: listener.address, port: listener.port })
  }
  return own
}

/** "provider:after-intent" and its kin; refused without `development: true`. */
function killPointOf(settings: Settings): { half: string; point: (typeof KILL_POINTS)[number] } | undefined {
  if (settings.killPoint === undefined) return undefined
  const [half, name] = settings.killPoint.split(':')
  const point = KILL_POINTS.find((one) => one === name)
  if (!settings.development || point === undefined || (half !== 'consumer' && half !== 'provider')) {
    throw new Fault('invalid_configuration', { what: 'killPoint is for development: half:point' })
  }
  return { half, point }
}
