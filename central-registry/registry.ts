/** The wiring of a central registry: database, keys and clock to rooms, rooms to listeners and jobs. */

import { hostname } from 'node:os'
import path from 'node:path'
import { createApiKeys, keyAuthentication } from '#platform/api-keys/create-api-keys.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import {
  openAuditStream,
  STREAM_AUDIT_LOG,
  STREAM_SECONDS,
  watchAuditStream,
} from '#platform/audit-log/stream-settings.ts'
import { BACKUP_SECONDS, MAKE_BACKUP } from '#platform/backups/daily-backups.ts'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import { createHealth } from '#platform/health/create-health.ts'
import { readOperations } from '#platform/http-service/openapi-operations.ts'
import { servePages } from '#platform/http-service/serve-pages.ts'
import { createIdempotencyKeys } from '#platform/idempotency-keys/create-idempotency-keys.ts'
import { createJobs } from '#platform/jobs/create-jobs.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { peopleHandlers } from '#platform/people/routes.ts'
import { createPeopleStore } from '#platform/people/store.ts'
import type { Running } from '#platform/process/run-process.ts'
import { createSessions } from '#platform/sessions/create-sessions.ts'
import { isLoopback } from '#platform/sessions/settings.ts'
import { adminRoutes, registryApi } from './admin/api.ts'
import { writeInitialApiKey } from './admin/first-api-key.ts'
import { openApprovals } from './changes/open-approvals.ts'
import { SETTLE, SETTLE_SECONDS } from './changes/settle.ts'
import { createChange } from './changes/store.ts'
import type { RegistrySettings } from './config.ts'
import { announcePublication, PUBLISH } from './configuration/announce-publication.ts'
import { createHighWater } from './configuration/high-water.ts'
import { publicRoutes } from './configuration/public-routes.ts'
import { createPublish } from './configuration/publish.ts'
import { configurationHandlers } from './configuration/routes.ts'
import { openSigningKeys } from './configuration/signing-keys/open-signing-keys.ts'
import { createSignDocument } from './configuration/signing-keys/sign-document.ts'
import { createSigningKeyStore } from './configuration/signing-keys/store.ts'
import { createPublicationStore } from './configuration/store.ts'
import {
  FOLLOW_LEAVES_SECONDS,
  followLeaves,
  followLeavesOf,
} from './configuration/transparency-log/follow-leaves.ts'
import { createLeafFile } from './configuration/transparency-log/leaf-file.ts'
import { logRoutes } from './configuration/transparency-log/public-routes.ts'
import { createLogStore } from './configuration/transparency-log/store.ts'
import { createSuspendableContracts } from './contract-versions/suspendable.ts'
import { approvedNow } from './documents/approved-now.ts'
import { openAuditOrders } from './features/audit-orders/open-audit-orders.ts'
import { fixSeeds } from './features/audit-orders/store.ts'
import { openBackups } from './features/backups/open-backups.ts'
import { COLLECT_CATALOGUE, openCatalogue } from './features/catalogue/open-catalogue.ts'
import { consequenceHandlers } from './features/consequences/routes.ts'
import { announceContract, NOTIFY_CONTRACT } from './features/contracts/notify.ts'
import { EXCHANGE_CONTRACTS, openContracts, SETTLE_CONTRACTS } from './features/contracts/open-contracts.ts'
import { explainHandlers } from './features/explain/routes.ts'
import {
  FEDERATION_SECONDS,
  FOLLOW_FEDERATION,
  openFederation,
} from './features/federation/open-federation.ts'
import { FLEET_JOB_SECONDS, NOTICE_SILENCE, openFleet, PROBE_SERVERS } from './features/fleet/open-fleet.ts'
import { openImports } from './features/imports/open-imports.ts'
import { installationHandlers } from './features/installation/routes.ts'
import { createInstallationStore } from './features/installation/store.ts'
import { FORGET_MAIL, FORGET_MAIL_SECONDS, openMail } from './features/mail/open-mail.ts'
import { SEND_MAIL } from './features/mail/tell-store.ts'
import { NOTIFY_MANDATE, SETTLE_MANDATES } from './features/mandates/notices.ts'
import { openMandates } from './features/mandates/open-mandates.ts'
import { hostingOf } from './features/mandates/store.ts'
import { overviewHandlers } from './features/overview/routes.ts'
import { createOverviewStore } from './features/overview/store.ts'
import { NOTIFY } from './features/requests/notify.ts'
import { openRequests } from './features/requests/open-requests.ts'
import { openMemory } from './features/restorations/memory.ts'
import { openRestorations } from './features/restorations/open-restorations.ts'
import { openSuccessions } from './features/successions/open-successions.ts'
import { ESCALATE, ESCALATE_SECONDS } from './features/suspensions/escalate.ts'
import { openSuspensions } from './features/suspensions/open-suspensions.ts'
import { suspensionRoutes } from './features/suspensions/public-routes.ts'
import { RENEW_LIST, RENEW_LIST_SECONDS } from './features/suspensions/publish-list.ts'
import { openWitness } from './features/witness/open-witness.ts'
import { publicWitnessRoutes } from './features/witness/routes.ts'
import { allMigrations } from './features.ts'
import { groupHandlers } from './groups/routes.ts'
import { createGroupStore } from './groups/store.ts'
import { CONCURRENCY, LEASE_SECONDS, PLACES } from './job-places.ts'
import { adminListener, managementListener, publicListener, registrationListener } from './listeners.ts'
import { openLogin } from './login.ts'
import { createRelationStore } from './members/relations-store.ts'
import { memberHandlers } from './members/routes.ts'
import { createMemberStore } from './members/store.ts'
import { postNotice } from './members/webhooks/client.ts'
import { serverHandlers } from './servers/routes.ts'
import { createServerStore } from './servers/store.ts'
import { trustHandlers } from './trust/routes.ts'
import { createTrustStore } from './trust/store.ts'

const CONSOLE = {
  prefix: '/console',
  directory: path.resolve(import.meta.dirname, '../console/dist/registry'),
  how: 'npm exec -- concordat console',
}

/** A database with the registry's tables, brought to this version. */
export async function openRegistryDatabase(url: string): Promise<Database> {
  const database = await openDatabase(url)
  await migrate(database, allMigrations)
  return database
}

export async function startRegistry(q: RegistrySettings): Promise<Running> {
  const { settings, clock, log } = q
  const { configuration, directory, publicUrl } = settings
  const signingKeys = await openSigningKeys({ ...settings, pin: q.pin, clock })
  const database = await openRegistryDatabase(settings.database)
  const publications = createPublicationStore(database)
  const highWater = createHighWater(path.join(directory, 'highest-published-index'))

  const registration =
    settings.registration === undefined ? undefined : await registrationListener(settings.registration, log)
  const management =
    settings.managementService === undefined
      ? undefined
      : await managementListener(settings.managementService, log)
  const transparencyLog = createLogStore(database)
  const signing = { ...signingKeys, now: () => new Date(clock()) }
  const memory = openMemory({ database, directory, clock })
  const leafFile = createLeafFile(path.join(directory, 'transparency-log-leaves'))
  const publish = createPublish({
    ...signing,
    store: publications,
    database: settings.database,
    highWater,
    ...{ transparencyLog, leafFile },
    ensureSuspensionList: () => suspensions.list.ensure(),
    remember: () => memory.remember(),
    sourceAddress: new URL(publicUrl).host,
    ...configuration,
    registration: registration && {
      port: settings.registration!.port,
      certificate: registration.certificate,
    },
  })
  const jobs = createJobs({
    ...{ database, clock, log, redisUrl: q.redisUrl, concurrency: CONCURRENCY, places: PLACES },
    ...{ node: `${hostname()}-${process.pid}`, leaseSeconds: LEASE_SECONDS },
    handlers: {
      [PUBLISH]: async () => {
        await publish()
      },
      [SETTLE]: () => approvals.settle(),
      [NOTIFY]: (job) => requests.notify(job),
      [RENEW_LIST]: async () => {
        await suspensions.list.renew()
      },
      [ESCALATE]: (job) => suspensions.escalate(job),
      [NOTIFY_CONTRACT]: (job) => contracts.notify(job),
      [SETTLE_CONTRACTS]: () => contracts.settle(),
      [EXCHANGE_CONTRACTS]: () => contracts.exchangeWithPartners(),
      [STREAM_AUDIT_LOG]: async ({ signal }) => auditStream?.send(signal),
      [NOTIFY_MANDATE]: (job) => mandates.notify(job),
      [SETTLE_MANDATES]: () => mandates.settle(),
      [FOLLOW_FEDERATION]: () => federation.follow(),
      [PROBE_SERVERS]: ({ signal }) => fleet.probeDue(signal),
      [NOTICE_SILENCE]: () => fleet.noticeSilence(),
      [COLLECT_CATALOGUE]: ({ signal }) => catalogue.collectDue(signal),
      [SEND_MAIL]: (job) => mail.deliver(job),
      [FORGET_MAIL]: (job) => mail.forget(job),
      [MAKE_BACKUP]: () => backups.makeDue(),
      [followLeavesOf(directory)]: () => followLeaves(leafFile, transparencyLog).then(memory.remember),
    },
  })
  const announce = announcePublication(jobs, clock)
  const published = { ...signingKeys, ...configuration, publicUrl }
  const change = createChange(database, announce)
  const record = createChange(database, async () => undefined)
  const members = createMemberStore(database, change)
  const servers = createServerStore(database, change)
  const trust = createTrustStore(database, change)
  // A new key signs both at once: who knows it alone would take no list of the old one.
  const changeKeys = createChange(database, async (within) => {
    await announce(within)
    await jobs.enqueue(RENEW_LIST, null, { key: 'change', within })
  })
  const keys = createSigningKeyStore(database, changeKeys)
  const metrics = createMetrics()
  const health = createHealth()
  const audit = createAuditLog({ database, clock })
  const mail = openMail({ server: q.mailServer, ...{ database, record, jobs, members, metrics, clock, log } })
  const tellOfContract = announceContract(jobs, clock, mail.tell?.contract)
  const makerOf = (key: string): Promise<string | null> => proposers.makerOf(key)
  const suspensions = openSuspensions({
    ...{ ...signing, ...configuration, database, directory, jobs, members },
    ...{ audit, health, metrics, clock, log, remember: memory.remember },
    ...{ post: postNotice, webhook: settings.suspensions?.webhook, tell: mail.tell?.suspension, makerOf },
    contracts: createSuspendableContracts(tellOfContract),
    fourEyes: () => fourEyes(),
  })
  const { ocspFreshnessSeconds } = configuration
  const signDocument = createSignDocument({ keys, ...signingKeys })
  const noticed = { database, record, jobs, metrics, members, trust, ocspFreshnessSeconds, clock, log }
  const requests = openRequests({ ...noticed, announce, tell: mail.tell?.request, hostingOf })
  const federation = openFederation({ ...noticed, change })
  const contracts = openContracts({
    ...{
      ...noticed,
      signDocument,
      federation,
      webhooks: requests.webhooks,
      post: postNotice,
      notify: tellOfContract,
    },
    ...{ suspensions, makerOf, put: mail.tell?.put },
  })
  const fleet = openFleet({
    ...{ ...noticed, signDocument },
    probeSeconds: settings.fleet.probeSeconds,
    onLoopback: isLoopback(new URL(publicUrl).hostname),
  })
  const auditOrders = openAuditOrders({ ...noticed, signDocument, authorities: settings.auditAuthorities })
  const catalogue = openCatalogue({ ...noticed, settings: settings.catalogue })
  const restorations = openRestorations({
    ...{ ...noticed, audit, directory, keys, change, otherUrls: configuration.otherUrls ?? [] },
    ...{ fourEyes: () => fourEyes(), hasLogin: settings.login !== undefined, suspensions, memory },
    ...{ reportedIndexes: fleet.reportedIndexes },
  })
  const imports = openImports({ ...noticed, change, keys, publicUrl, settings: configuration })
  const backups = openBackups({ ...noticed, signDocument, audit, registry: q })
  const mandates = openMandates({ ...noticed, webhooks: requests.webhooks, post: postNotice })

  const apiKeys = createApiKeys({ database, clock })
  const auditStream = await openAuditStream({
    ...{ settings: settings.auditStream, database },
    service: { name: 'concordat-central-registry', instance: publicUrl },
  })
  watchAuditStream(auditStream, metrics)
  const keyFile = settings.admin.initialApiKeyFile
  if (keyFile !== undefined) await writeInitialApiKey(keyFile, { apiKeys, audit })

  const sessions = createSessions({ database, clock })
  const people = createPeopleStore({
    ...{ database, sessions, issuer: settings.login?.issuer },
    // Without one of each nobody could admit others or mend trust.
    indispensable: ['XROAD_SECURITY_OFFICER', 'XROAD_SYSTEM_ADMINISTRATOR'],
  })
  const installation = createInstallationStore(database)

  health.add('configuration', async () => {
    const closed = await restorations.isClosed()
    if (closed !== undefined) return { ok: false, reason: closed }
    const newest = await publications.newest()
    if (newest === undefined) return { ok: false, reason: 'nothing was published: make a signing key' }
    const reason = `index ${newest.index} expires ${newest.expiresAt}`
    return { ok: Date.parse(newest.expiresAt) > clock(), reason }
  })

  const logs = { database, directory, members, trust, servers, ocspFreshnessSeconds, metrics, clock, log }
  const { witness, handlers: witnessing } = await openWitness({
    ...logs,
    settings: settings.witness,
    hearCosigned: fixSeeds,
  })

  const publicApp = await publicListener(settings.public, log)
  restorations.guard(publicApp)
  publicRoutes(publicApp, publications)
  suspensionRoutes(publicApp, suspensions.store)
  logRoutes(publicApp, transparencyLog)
  if (witness !== undefined) await publicWitnessRoutes(publicApp, witness, clock)
  const adminApp = await adminListener(settings.admin, log)
  health.routes(adminApp)
  metrics.routes(adminApp)
  const login =
    settings.login === undefined
      ? undefined
      : await openLogin(adminApp, {
          settings: settings.login,
          clientSecret: q.clientSecret ?? '',
          ...{ database, sessions, people, installation, apiKeys, audit, metrics, clock, log },
        })
  const fourEyes = async (): Promise<boolean> => login !== undefined && (await installation.isDone())
  const operations = readOperations(await registryApi())
  const { approvals, proposers, proposed } = openApprovals({
    ...{ database, people, apiKeys, trust, operations, isRequired: fourEyes },
    perform: (call) => api.perform(call),
    ...{ audit, clock, log },
  })
  servePages(adminApp, CONSOLE)
  const api = await adminRoutes(adminApp, {
    apiKeys,
    audit,
    auditHeads: transparencyLog.auditHeads,
    fourEyes: approvals,
    admit: restorations.admit,
    once: createIdempotencyKeys({ database, clock }),
    authenticate: login?.authenticate ?? keyAuthentication(apiKeys),
    handlers: {
      ...overviewHandlers({
        store: createOverviewStore(database),
        servers,
        suspensions: suspensions.store,
        contracts: contracts.reading,
        contacts: contracts.contacts,
        waiting: async (caller) => ({
          proposals: await proposed.countWaiting(caller),
          requests: await requests.store.count({ state: 'SUBMITTED_FOR_APPROVAL' }),
        }),
        installation: async (now) =>
          login === undefined
            ? {}
            : { done: await installation.isDone(), reopenedUntil: await installation.reopenedUntil(now) },
        undelivered: mail.undelivered,
        openImports: imports.countOpen,
        backups: () => backups.summary(),
        isRestored: async () => (await restorations.isClosed()) !== undefined,
        clock,
      }),
      ...memberHandlers({ store: members, relations: createRelationStore(database), clock, fourEyes }),
      ...groupHandlers({ store: createGroupStore(database, change), members }),
      ...serverHandlers({ store: servers, members, approved: () => approvedNow(noticed), clock }),
      ...trustHandlers({ store: trust, clock }),
      ...requests.handlers,
      ...configurationHandlers({ ...published, store: publications, members, keys, publish, clock }),
      ...signingKeys.serve({ store: keys, members, health, metrics, fourEyes }),
      ...suspensions.handlers,
      ...peopleHandlers({ store: people, clock }),
      ...contracts.handlers,
      ...mandates.handlers,
      ...openSuccessions({ database, change, notify: announceContract(jobs, clock), members, clock }),
      ...explainHandlers({ database, publications, members, trust, ocspFreshnessSeconds, clock }),
      ...consequenceHandlers({ database, members, makerOf: proposers.makerOf, clock }),
      ...fleet.handlers,
      ...auditOrders.handlers,
      ...catalogue.handlers,
      ...mail.handlers,
      ...imports.handlers,
      ...federation.handlers,
      ...proposed.handlers,
      ...backups.handlers,
      ...restorations.handlers,
      ...installationHandlers({ store: installation, people, clock }),
      ...witnessing,
    },
  })
  if (registration !== undefined) {
    const { count } = requests
    restorations.guard(registration.app, ['/registration/v1/server-reports'])
    await requests.takeRegistrations(registration.app, {
      ...contracts.intake((purpose, outcome) => count(`contract-${purpose}`, outcome)),
      ...fleet.intake((purpose, outcome) => count(`server-${purpose}`, outcome)),
      ...auditOrders.intake((purpose, outcome) => count(`audit-${purpose}`, outcome)),
    })
    const { address: host, port } = settings.registration!
    await registration.app.listen({ host, port })
  }
  if (management !== undefined) {
    restorations.guard(management.app)
    requests.takeManagement(management.app, management.pinned)
    const { address, port } = settings.managementService!
    await management.app.listen({ host: address, port })
  }
  await publicApp.listen({ host: settings.public.address, port: settings.public.port })
  await adminApp.listen({ host: settings.admin.address, port: settings.admin.port })
  const stopWaiting = await restorations.whenOpen(async () => {
    await jobs.start()
    await jobs.every(RENEW_LIST, RENEW_LIST_SECONDS, { immediately: true })
    await jobs.every(ESCALATE, ESCALATE_SECONDS)
    for (const kind of [SETTLE, SETTLE_CONTRACTS, SETTLE_MANDATES])
      await jobs.every(kind, SETTLE_SECONDS, { immediately: true })
    if (auditStream !== undefined) await jobs.every(STREAM_AUDIT_LOG, STREAM_SECONDS)
    for (const kind of [FOLLOW_FEDERATION, EXCHANGE_CONTRACTS]) await jobs.every(kind, FEDERATION_SECONDS)
    for (const kind of [PROBE_SERVERS, NOTICE_SILENCE, COLLECT_CATALOGUE])
      await jobs.every(kind, FLEET_JOB_SECONDS)
    await jobs.every(FORGET_MAIL, FORGET_MAIL_SECONDS)
    await jobs.every(MAKE_BACKUP, BACKUP_SECONDS, { immediately: true })
    await jobs.every(followLeavesOf(directory), FOLLOW_LEAVES_SECONDS, { immediately: true })
    await jobs.every(PUBLISH, configuration.renewSeconds, { immediately: true })
  })

  const scheme = settings.admin.certificateFile === undefined ? 'http' : 'https'
  const admin = `${scheme}://${settings.admin.address}:${settings.admin.port}`
  return {
    ready: `configuration at ${publicUrl}, management API at ${admin}/api/v1, console at ${admin}${CONSOLE.prefix}/`,
    async stop() {
      health.drain()
      const apps = [publicApp, adminApp, registration?.app, management?.app]
      await Promise.all(apps.map(async (app) => app?.close()))
      await login?.close()
      stopWaiting()
      await jobs.stop()
      await catalogue.close()
      signingKeys.close()
      await database.close()
    },
  }
}
