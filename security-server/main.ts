/** The only wiring of the security server: settings to rooms, rooms to the two halves, halves to listeners and jobs. */
import { mkdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { publicKeyOf } from '#core/certificate/certificate.ts'
import { ALGORITHM_ENDS } from '#core/evidence/validation-policy.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { openAuditStream, watchAuditStream } from '#platform/audit-log/stream-settings.ts'
import { systemClock } from '#platform/clock.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { servePages } from '#platform/http-service/serve-pages.ts'
import { createJobs } from '#platform/jobs/create-jobs.ts'
import { createLog, type Log } from '#platform/logging/create-log.ts'
import { type Running, runProcess } from '#platform/process/run-process.ts'
import { VERSION } from '#platform/process/version.ts'
import { idText, memberOf, parseServerId } from '#schemas/identifiers.ts'
import { adminRoutes } from './admin/api.ts'
import { createAdminListener } from './admin-listener.ts'
import { checkSettings, federationsOf, type Settings, settingsSchema } from './config.ts'
import { evidenceRoutes } from './consumer/evidence.ts'
import { listClientsRoute } from './consumer/list-clients.ts'
import type { ConsumerRooms } from './consumer/rooms.ts'
import { consumerRoutes } from './consumer/routes.ts'
import { CLIENT_IDLE_MS } from './drain-listener.ts'
import { createAuditOrders } from './features/audit-orders/create-audit-orders.ts'
import { BACKUP_OPTIONS, backUpAndEnd, restoreAndEnd } from './features/backups/backup-command.ts'
import { openServerBackups } from './features/backups/open-backups.ts'
import { createExports } from './features/exports/create-exports.ts'
import { watchSubjects, wireSubjects } from './features/person-search/open-person-search.ts'
import { createReconciliation } from './features/reconciliation/reconciliation.ts'
import { wireReports } from './features/registry-reports/open-registry-reports.ts'
import { createTimeStampClient } from './features/time-stamping/client.ts'
import { createFetchStatus, readable } from './features/time-stamping/fetch-status.ts'
import { timeStampInterval } from './features/time-stamping/time-stamp-interval.ts'
import { createLogVerification } from './features/verification/run-verification.ts'
import { createVerificationStore } from './features/verification/store.ts'
import { createVerifications } from './features/verification/verifications.ts'
import { wireWitnesses } from './features/witness/open-witness.ts'
import { createConfigurationClient } from './global-configuration/client.ts'
import { createContracts } from './global-configuration/contracts/contracts.ts'
import { createGlobalConfiguration } from './global-configuration/global-configuration.ts'
import { createPostDocument } from './global-configuration/registration/client.ts'
import { jobHandlers, scheduleJobs } from './jobs/handlers.ts'
import { checkpointSigner } from './keys/checkpoint-signer.ts'
import { createOcspClient } from './keys/client.ts'
import { createKeys } from './keys/keys.ts'
import { armConsumer, armProvider, killPointOf } from './kill-points.ts'
import { listenForClients, listenForPeers } from './listeners.ts'
import { createLocalSystems } from './local-systems/local-systems.ts'
import { openMessageLog } from './message-log/message-log.ts'
import { serverMigrations } from './migrations/migrations.ts'
import { observeServer } from './observing.ts'
import { ownAddresses, ownListeners } from './own-listeners.ts'
import { createPeerClient } from './peer/client.ts'
import { createOcspByHash } from './peer/ocsp-by-hash.ts'
import { createMessageSigner } from './peer/sign-message.ts'
import { createMessageVerifier } from './peer/verify-message.ts'
import { createPeerVerifier } from './peer/verify-peer.ts'
import { createServiceClient } from './provider/client.ts'
import { createPeerQuota } from './provider/peer-quota.ts'
import type { ProviderRooms } from './provider/rooms.ts'
import { providerRoutes } from './provider/routes.ts'
import { hardwarePlaces, unlockToken } from './unlock-token.ts'

const CONSOLE = {
  prefix: '/console',
  directory: path.resolve(import.meta.dirname, '../console/dist/auditor'),
  how: 'npm exec -- concordat console',
}

const { values } = parseArgs({ options: { configuration: { type: 'string' }, ...BACKUP_OPTIONS } })
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
  checkSettings(settings)
  await restoreAndEnd(values, settings)
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
    allowedFederations: federationsOf(settings),
  })
  const keys = await createKeys({
    directory: await folder('keys'),
    hardwareTokens: await hardwarePlaces(settings.hardwareTokens),
    clock,
    configuration: () => globalConfiguration.current().index,
    hostNames: { hostName: hostname(), ipAddresses: ownAddresses(settings.clients.https?.address) },
  })
  // Other threads do both.
  await Promise.all([unlockToken(keys, settings.pinFile, log), globalConfiguration.restored()])
  // The login asked for none while the configuration was not there yet; a failure shows in the certificates' states.
  void keys.refreshOcsp().catch(() => undefined)
  await backUpAndEnd(values, { settings, keys, now: clock() })
  const database = await openDatabase(settings.database)
  await migrate(database, serverMigrations)
  const localSystems = await createLocalSystems({ database, clock, own: ownListeners(settings) })
  const post = createPostDocument(
    () => globalConfiguration.current().index.privateParameters?.managementService,
  )
  const contracts = await createContracts({
    ...{ server, database, clock, log },
    configuration: () => globalConfiguration.current(),
    signJson: keys.signJson,
    post,
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
    archives: {
      directory: settings.archives.path ?? path.join(settings.directory, 'archives'),
      maxBytes: settings.archives.maxFileBytes,
      checkpointSigner: () => checkpointSigner(keys, server),
    },
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
  const witnessing = await wireWitnesses({
    ...{ settings, server, database, clock, log, keys, globalConfiguration, messageLog, peerClient },
  })
  let consumer: ConsumerRooms = {
    ...shared,
    peerClient,
    heardTreeHead: witnessing.partners.heard,
    authenticationIdentity: keys.authenticationIdentity,
  }
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

  const audit = createAuditLog({ database, clock })
  const auditStream = await openAuditStream({
    ...{ settings: settings.auditStream, database },
    service: { name: 'concordat-security-server', instance: settings.server },
  })
  const reconciliation = await createReconciliation({
    ...{ server, clock, database, keys, globalConfiguration, verifyPeer, peerClient, log: messageLog },
    secrecyBetween: contracts.secrecyBetween,
    logger: log,
    quota: createPeerQuota({ perSecond: 100, burst: 200, underWay: 4, clock }),
    audit: (act) =>
      audit.before({
        caller: { id: 'reconciliation', name: 'reconciliation' },
        operation: 'reconcile',
        ...act,
      }),
  })

  // Later work
  const intervalSeconds = timeStampInterval({
    configuration: () => globalConfiguration.current().index,
    unstampedLimitSeconds,
  })
  const recovered = await messageLog.recover()
  if (recovered > 0)
    log.warn({ recovered }, 'exchanges that a crash left open were recorded as outcome unknown')
  const exports = await createExports({
    database,
    messageLog,
    directory: await folder('exports'),
    node,
    clock,
  })
  const runVerification = createLogVerification({
    stored,
    globalConfiguration,
    witnessPolicy: witnessing.policyText,
  })
  const verifications = createVerifications({
    store: createVerificationStore(database),
    run: runVerification,
    clock,
    ...settings.verification,
    logger: log,
  })
  const subjects = await wireSubjects({
    ...{ settings: settings.subjectKeys, database, clock, messageLog, contracts },
  })
  const { registryReports, callReports } = wireReports(settings.registryReports, {
    ...{ server, clock, keys, globalConfiguration, messageLog, post, version: VERSION },
    jobs: { state: () => jobs.state() },
  })
  const auditOrders = createAuditOrders({
    ...{ server, clock, database, keys, globalConfiguration, messageLog, audit, post, log },
    authorities: settings.auditing.authorities,
    needsApproval: settings.auditing.ordersNeedApproval,
  })
  const jobs = createJobs({
    database,
    clock,
    log,
    node,
    handlers: jobHandlers(
      {
        ...{ keys, globalConfiguration, contracts, localSystems, messageLog },
        ...{ verifications, reconciliation, exports, auditOrders, subjects },
        ...{ registryReports, callReports },
        ...{ audit, auditStream, ...witnessing },
        backups: { makeDue: () => backups.makeDue() },
      },
      node,
    ),
    ...(settings.redisUrlFile === undefined ? {} : { redisUrl: await readSecret(settings.redisUrlFile) }),
  })

  // Listeners
  const { metrics, health, observe } = observeServer({
    ...{ clock, keys, globalConfiguration, messageLog, jobs, reconciliation, witnessing, verifications },
    intervalSeconds,
  })
  watchAuditStream(auditStream, metrics)
  watchSubjects(subjects, messageLog, metrics)
  const backups = await openServerBackups({
    ...{ settings, settingsFile: values.configuration ?? '' },
    ...{ database, keys, audit, metrics, health, clock, log },
  })
  const clientApps = await listenForClients(settings.clients, { keys, log }, (app) => {
    consumerRoutes(app, consumer, log, observe('consumer'))
    listClientsRoute(app, globalConfiguration, log)
    evidenceRoutes(app, { globalConfiguration, localSystems, evidence: messageLog }, log)
  })
  const peers = listenForPeers(settings.peers, { keys, globalConfiguration, xroadTlsPeers, log }, (app) => {
    providerRoutes(app, provider, log, observe('provider'))
    reconciliation.routes(app)
    witnessing.routes(app)
  })
  const ocspApp = createOcspByHash(keys)
  await ocspApp.listen({ host: settings.peers.address, port: settings.peers.ocspPort })

  health.add('peers', () => ({
    ok: peers.isListening(),
    reason: peers.isListening() ? undefined : 'not listening yet',
  }))
  const { app: adminApp, url: admin } = await createAdminListener(settings.admin, log)
  health.routes(adminApp)
  metrics.routes(adminApp)
  servePages(adminApp, CONSOLE)
  const { login } = settings
  const adminApi = await adminRoutes(adminApp, {
    ...{ server, log, database, clock, keys, globalConfiguration, contracts, localSystems },
    messageLog: { ...messageLog, verifications, verify: () => runVerification() },
    reach: { peer: peerClient.reach, troubles: peerClient.troubles, system: serviceClient.reach },
    ...{ reconciliation, witnessing, jobs, registryReports, exports, subjects, auditOrders, backups },
    login: login && {
      settings: { ...login, clientSecret: await readSecret(login.clientSecretFile) },
      metrics,
    },
    contentFourEyes: settings.auditing.contentFourEyes,
    initialApiKeyFile: settings.admin.initialApiKeyFile,
    own: ownListeners(settings),
  })
  await adminApp.listen({ host: settings.admin.address, port: settings.admin.port })
  await jobs.start()
  await scheduleJobs(jobs, node, intervalSeconds)

  return {
    ready: `${settings.server}, management API at ${admin}/api/v1, console at ${admin}${CONSOLE.prefix}/`,
    async stop() {
      health.drain()
      await Promise.all([
        ...clientApps.map((app) => app.close()),
        peers.stop(),
        ocspApp.close(),
        adminApp.close(),
      ])
      await adminApi.close()
      await verifications.close()
      await jobs.stop()
      await subjects.close()
      await Promise.all([peerClient.close(), serviceClient.close(), ocspClient.close(), keys.close()])
      await messageLog.close()
      await database.close()
    },
  }
}
