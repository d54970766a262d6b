/** A management API for tests: real keys, local systems, message log and database; a configuration from the keys' world. */
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { NOBODY_SUSPENDED } from '#core/configuration/suspension-list.ts'
import { type ApiKeys, createApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { servePages } from '#platform/http-service/serve-pages.ts'
import { createJobs } from '#platform/jobs/create-jobs.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { createPeopleStore, type PeopleStore } from '#platform/people/store.ts'
import { createSessions } from '#platform/sessions/create-sessions.ts'
import { createWitnessStore } from '#platform/witness/store.ts'
import { Fault } from '#schemas/fault.ts'
import { CLIENT } from '#test/fakes/openid-provider.ts'
import { createAuditOrders } from '../features/audit-orders/create-audit-orders.ts'
import { createExports, type RecordExports } from '../features/exports/create-exports.ts'
import { ROLES } from '../features/people/roles.ts'
import { type SubjectSearch, wireSubjects } from '../features/person-search/open-person-search.ts'
import { createCasesStore } from '../features/reconciliation/cases-store.ts'
import { createReconciliationStore } from '../features/reconciliation/store.ts'
import { verifyInThread } from '../features/verification/checks/verify-in-thread.ts'
import { createVerificationStore } from '../features/verification/store.ts'
import { createVerifications } from '../features/verification/verifications.ts'
import { createPartners } from '../features/witness/partners/partners.ts'
import { createPartnerStore } from '../features/witness/partners/store.ts'
import { createContracts } from '../global-configuration/contracts/contracts.ts'
import type { GlobalConfiguration } from '../global-configuration/global-configuration.ts'
import { createPostDocument } from '../global-configuration/registration/client.ts'
import type { HardwareTokenPlace } from '../keys/hardware-keys.ts'
import type { Keys } from '../keys/keys.ts'
import { createWorld, PIN, server, type World } from '../keys/keys-fixture.ts'
import { createLocalSystems, type LocalSystems } from '../local-systems/local-systems.ts'
import { logFolder, logOptions, openTestLog, signer } from '../message-log/fixture.ts'
import type { MessageLog } from '../message-log/message-log.ts'
import { serverMigrations } from '../migrations/migrations.ts'
import { createPeerClient } from '../peer/client.ts'
import { createPeerVerifier } from '../peer/verify-peer.ts'
import { createServiceClient } from '../provider/client.ts'
import { createHolder, type Holder } from '../subject-keys/holder.ts'
import { holderMigrations } from '../subject-keys/store.ts'
import { adminRoutes } from './api.ts'
import type { WitnessView } from './rooms.ts'

export type Reply = {
  status: number
  body: Record<string, unknown>
  raw: Buffer
  headers: Record<string, unknown>
}

export type AdminWorld = {
  app: FastifyInstance
  /** Where it listens when there is a login. */
  base: string
  /** Stores of the same database. */
  rooms: { apiKeys: ApiKeys; people: PeopleStore }
  world: World
  keys: Keys
  localSystems: LocalSystems
  messageLog: MessageLog
  /** How far the log's clock is ahead. */
  logClock: { aheadMs: number }
  /** Made with the first archive. */
  archiveFolder: string
  /** Where the log keeps bodies over 64 KiB. */
  bodyFolder: string
  /** The log's own database. */
  logUrl: string
  exports: RecordExports
  subjects: SubjectSearch
  subjectKeys: Holder
  /** Another one, without keys yet. */
  newHolder(): Promise<Holder>
  database: Database
  /** A key's Authorization header by role. */
  authorization: Record<string, string>
  /** Asks with all roles unless one is named; objects go as JSON, Buffers as bytes. */
  ask(
    method: string,
    url: string,
    body?: object | Buffer,
    o?: { role?: string; type?: string },
  ): Promise<Reply>
}

export async function createAdminWorld(
  t: Test,
  o: {
    globalConfiguration?: GlobalConfiguration
    initialized?: boolean
    /** The embedded store when absent. */
    databaseUrl?: string
    logUrl?: string
    /** The issuer at which people log in; then the API listens at `base`. */
    login?: string
    contentFourEyes?: boolean
    /** The folder of the console's pages, where they are looked at. */
    pages?: string
    /** Instead of nobody. */
    witnessing?: (log: MessageLog) => Partial<WitnessView>
    hardwareTokens?: HardwareTokenPlace[]
  } = {},
): Promise<AdminWorld> {
  const world = await createWorld(t)
  const keys = await world.open(o.hardwareTokens && { hardwareTokens: o.hardwareTokens })
  if (o.initialized !== false) await keys.initialize(PIN)
  const clock = () => world.now
  const logClock = { aheadMs: 0 }
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-admin-'))
  const database = await openDatabase(o.databaseUrl ?? `sqlite:${path.join(folder, 'server.db')}`)
  t.teardown(async () => {
    await database.close()
    rmSync(folder, { recursive: true, force: true })
  })
  await migrate(database, serverMigrations)
  const own = [{ host: '127.0.1.1', port: 4000 }]
  const localSystems = await createLocalSystems({ database, clock, own })
  const { stamp, memberSigner } = await signer()
  const log = createLog({ name: 'test', level: 'silent' })
  const archiveFolder = path.join(folder, 'archives')
  const options = logOptions(logFolder(t), o.logUrl)
  const { databaseUrl, keyFolder, bodyFolder } = options
  const stored = { databaseUrl, keyFolder, bodyFolder }
  const messageLog = await openTestLog(t, {
    ...options,
    server,
    clock: () => Date.now() + logClock.aheadMs,
    stamp,
    signer: memberSigner,
    archives: { directory: archiveFolder, maxBytes: 32 * 1024 * 1024 },
  })
  const partners = createPartners({
    store: createPartnerStore(database),
    ask: () => () => Promise.reject(new Fault('network_error')),
    readStatement: () => {
      throw new Fault('invalid_input')
    },
    clock,
    logger: log,
  })
  const verifications = createVerifications({
    store: createVerificationStore(database),
    run: (more) => verifyInThread({ log: stored }, more),
    ...{ clock, hour: 1, fullEveryDays: 7, logger: log },
  })
  t.teardown(() => verifications.close())
  const directory = path.join(folder, 'exports')
  const exports = await createExports({ database, messageLog, directory, node: 'node1', clock })
  const jobs = createJobs({
    database,
    clock: Date.now,
    log,
    node: 'node1',
    handlers: {
      [exports.jobKind]: ({ payload, signal }) => exports.run((payload as { id: string }).id, signal),
    },
  })
  await jobs.start()
  t.teardown(() => jobs.stop())
  const globalConfiguration = o.globalConfiguration ?? configurationOf(world)
  const contracts = await createContracts({
    ...{ server, database, clock, log },
    configuration: () => globalConfiguration.current(),
    signJson: keys.signJson,
    post: createPostDocument(() => globalConfiguration.current().index.privateParameters?.managementService),
  })
  const auditOrders = createAuditOrders({
    ...{ server, clock, database, keys, globalConfiguration, messageLog, log, authorities: [] },
    audit: createAuditLog({ database, clock }),
    post: () => Promise.reject(new Fault('registration_unavailable')),
    needsApproval: true,
  })
  let holders = 0
  const newHolder = async (): Promise<Holder> => {
    const of = await openDatabase('sqlite::memory:')
    t.teardown(() => of.close())
    await migrate(of, holderMigrations)
    const directory = path.join(folder, `subject-keys-${holders++}`)
    return createHolder({
      ...{ database: of, directory, clock: Date.now, keepMonths: 12 },
      limits: {
        ...{ perPersonDay: 40, perCaseDay: 20, perDay: 200 },
        ...{ identifiersPerDay: 10_000, indexesPerDay: 10_000 },
      },
    })
  }
  const subjectKeys = await newHolder()
  const subjects = await wireSubjects({
    ...{ settings: undefined, keys: subjectKeys, database, clock, messageLog, contracts },
  })
  const peerClient = createPeerClient(
    { keys, globalConfiguration, verifyPeer: createPeerVerifier(), xroadTlsPeers: new Set(), clock },
    {
      ...{ messagePort: 5500, ocspPort: 5577, connectionsPerPeer: 1 },
      ...{ connectTimeoutMs: 500, replyTimeoutMs: 500, idleTimeoutMs: 500 },
    },
  )
  const serviceClient = createServiceClient({ connectTimeoutMs: 500, connectionsPerService: 1, own })
  t.teardown(() => Promise.all([peerClient.close(), serviceClient.close()]))
  const app = createHttpService({ name: 'admin', log })
  t.teardown(() => app.close())
  const host = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const base = `http://${host}:4000`
  const settings = {
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    baseUrl: base,
    contact: 'the operator',
  }
  if (o.pages !== undefined)
    servePages(app, { prefix: '/console', directory: o.pages, how: 'concordat console' })
  const api = await adminRoutes(app, {
    login:
      o.login === undefined
        ? undefined
        : { settings: { ...settings, issuer: o.login }, metrics: createMetrics() },
    contentFourEyes: o.contentFourEyes === true,
    log,
    server,
    clock,
    database,
    keys,
    globalConfiguration,
    contracts,
    localSystems,
    reach: { peer: peerClient.reach, troubles: peerClient.troubles, system: serviceClient.reach },
    reconciliation: { days: createReconciliationStore(database), cases: createCasesStore(database) },
    messageLog: { ...messageLog, verifications },
    witnessing: {
      witnesses: undefined,
      witness: undefined,
      hasQuorum: () => false,
      store: createWitnessStore(database),
      partners,
      ...o.witnessing?.(messageLog),
    },
    jobs,
    exports,
    auditOrders,
    subjects,
    own,
  })
  t.teardown(() => api.close())
  await app.ready()
  if (o.login !== undefined) await app.listen({ host, port: 4000 })
  const apiKeys = createApiKeys({ database, clock })
  const keyWith = async (roles: string[]) =>
    `X-Road-ApiKey token=${(await apiKeys.create({ name: 'test', roles })).secret}`
  const authorization: Record<string, string> = { all: await keyWith([...ROLES]) }
  for (const role of ROLES) authorization[role] = await keyWith([role])
  const sessions = createSessions({ database, clock })
  const people = createPeopleStore({ database, sessions, issuer: o.login, indispensable: [] })
  return {
    app,
    base,
    rooms: { apiKeys, people },
    world,
    keys,
    localSystems,
    messageLog,
    logClock,
    archiveFolder,
    bodyFolder,
    logUrl: databaseUrl,
    exports,
    subjects,
    subjectKeys,
    newHolder,
    database,
    authorization,
    async ask(method, url, body, { role = 'all', type } = {}) {
      const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
      const usual = Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json'
      const reply = await app.inject({
        method: method as 'GET',
        url: `/api/v1${url}`,
        headers: {
          ...(role === '' ? {} : { authorization: authorization[role]! }),
          ...(bytes === undefined ? {} : { 'content-type': type ?? usual }),
        },
        payload: bytes,
      })
      const isJson = String(reply.headers['content-type']).startsWith('application/json')
      const parsed = isJson ? (JSON.parse(reply.body) as Record<string, unknown>) : {}
      return { status: reply.statusCode, body: parsed, raw: reply.rawPayload, headers: reply.headers }
    },
  }
}

/** The audit log, newest first. */
export async function auditOf(
  ask: AdminWorld['ask'],
): Promise<{ operation: string; target: string; data: unknown }[]> {
  return JSON.parse((await ask('GET', '/audit-log?limit=500')).raw.toString()) as []
}

/** A configuration room whose content is the keys' world. */
function configurationOf(world: World): GlobalConfiguration {
  const unused = async () => {
    throw new Fault('not_found')
  }
  return {
    restored: async () => undefined,
    current() {
      const index = world.configuration
      if (index === undefined) throw new Fault('global_conf_outdated')
      return {
        index,
        version: '1',
        expiresAt: new Date(world.now + 600_000),
        statementIndex: undefined,
        configurationHead: undefined,
        suspensionsUntil: undefined,
        suspensionsIn: () => NOBODY_SUSPENDED,
        instance: index.instance,
        indexFor: () => index,
        indexes: () => [index],
        verificationFiles: () => [],
      }
    },
    refresh: async () => undefined,
    refreshOwn: async () => undefined,
    refreshSuspensions: async () => undefined,
    hear: () => undefined,
    onChange: () => () => undefined,
    state: () => ({
      anchor: undefined,
      attempt: { lastAttempt: undefined, lastSuccess: undefined, lastError: undefined },
      own: undefined,
      federated: [],
      federatedMissing: [],
      registry: { fork: undefined, behind: undefined },
    }),
    readAnchor: unused,
    installAnchor: unused,
  }
}
