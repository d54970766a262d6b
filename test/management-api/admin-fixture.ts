/** A management API for tests: real keys, systems, message log and database, in the world of the keys. */

import { randomInt } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Ajv2020 as Ajv } from 'ajv/dist/2020.js'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { Certificate } from '#core/certificate/certificate.ts'
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import type { FeatureModule } from '#platform/feature.ts'
import { createClockCheck } from '#platform/health/clock-check.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { checkDeclared } from '#platform/http-service/declared-fixture.ts'
import { servePages } from '#platform/http-service/serve-pages.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { claimName } from '#platform/nodes/claim.ts'
import { createNodeStore } from '#platform/nodes/store.ts'
import { createPeopleStore, type PeopleStore } from '#platform/people/store.ts'
import { type OpenListener, serve } from '#platform/serve.ts'
import { openServices } from '#platform/services.ts'
import { createSessions } from '#platform/sessions/create-sessions.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { type Settings, settingsSchema } from '#security-server/config.ts'
import { createExports, type RecordExports } from '#security-server/features/exports/create-exports.ts'
import { ROLES } from '#security-server/features/people/roles.ts'
import {
  openPersonSearch,
  type PersonSearch,
} from '#security-server/features/person-search/open-person-search.ts'
import { witnessHandlers } from '#security-server/features/witness/handlers.ts'
import type { WitnessRoomView } from '#security-server/features/witness/needs.ts'
import { answerInXRoadsForm } from '#security-server/features/x-road-api/errors.ts'
import { FEATURES, serverMigrations } from '#security-server/features.ts'
import { type Contracts, createContracts } from '#security-server/global-configuration/contracts/contracts.ts'
import type { GlobalConfiguration } from '#security-server/global-configuration/global-configuration.ts'
import { managementOf } from '#security-server/global-configuration/snapshot.ts'
import type { ServerGround } from '#security-server/ground.ts'
import type { HardwareTokenPlace } from '#security-server/keys/hardware-keys.ts'
import type { Keys } from '#security-server/keys/keys.ts'
import { createWorld, PIN, server, type World } from '#security-server/keys/keys-fixture.ts'
import { quickToken } from '#security-server/keys/token-fixture.ts'
import { createLocalSystems, type LocalSystems } from '#security-server/local-systems/local-systems.ts'
import {
  logFolder,
  logOptions,
  openTestLog,
  signer,
  type TestLog,
} from '#security-server/message-log/fixture.ts'
import { createPeerClient } from '#security-server/peer/client.ts'
import { createReliedOn } from '#security-server/peer/relied-on.ts'
import { createMessageSigner } from '#security-server/peer/sign-message.ts'
import { createMessageVerifier } from '#security-server/peer/verify-message.ts'
import { createPeerVerifier } from '#security-server/peer/verify-peer.ts'
import { createServiceClient } from '#security-server/provider/client.ts'
import { erasuresOf } from '#security-server/reading/erasures-of.ts'
import { recordingLooks } from '#security-server/reading/looks.ts'
import { clearanceOf, readableLog } from '#security-server/reading/readable-log.ts'
import { securityServerApi } from '#security-server/shape.ts'
import { createHolder, type Holder } from '#security-server/subject-keys/holder.ts'
import { holderMigrations } from '#security-server/subject-keys/store.ts'
import { watchAnswers } from '#test/answer-checks.ts'
import { aheadOfMidnight } from '#test/day-clock.ts'
import { CLIENT } from '#test/fakes/openid-provider.ts'
import { configurationOf } from './world-configuration.ts'

export type Reply = {
  status: number
  body: Record<string, unknown>
  raw: Buffer
  headers: Record<string, unknown>
}

export type AdminWorld = {
  app: FastifyInstance
  /** Answers X-Road's management API. */
  xRoadApi: FastifyInstance
  /** The address on which it listens when there is a login. */
  base: string
  /** Stores of the same database. */
  rooms: { apiKeys: ApiKeys; people: PeopleStore }
  world: World
  keys: Keys
  localSystems: LocalSystems
  messageLog: TestLog
  /** How many milliseconds the log's clock is ahead. */
  logClock: { aheadMs: number }
  /** Made with the first archive. */
  archiveFolder: string
  /** Where the log keeps bodies over 64 KiB. */
  bodyFolder: string
  /** The log's own database. */
  logUrl: string
  exports: RecordExports
  subjects: PersonSearch
  subjectKeys: Holder
  /** Makes another holder, without keys yet. */
  newHolder(): Promise<Holder>
  database: Database
  /** The Authorization header of a key, by its role. */
  authorization: Record<string, string>
  /** Calls the API with all roles unless one is named; objects are sent as JSON, Buffers as bytes. */
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
    /** The embedded store by default. */
    databaseUrl?: string
    logUrl?: string
    /** The issuer at which people log in; then the API listens at `base`. */
    login?: string
    claimCodeFile?: string
    /** Acts of great weight need a passkey. */
    forActs?: boolean
    contentFourEyes?: boolean
    fourEyes?: string[]
    /** Of the settings, to withhold uses. */
    grounds?: object[]
    /** The contracts that hold; none by default. */
    contractFor?: Contracts['contractFor']
    /** The folder of the console's pages, for tests that show them. */
    pages?: string
    /** Of the registry's signed statement; without one the instance is X-Road's. */
    statementIndex?: number
    /** The witnesses; none by default. */
    witnessRoom?: (log: TestLog) => Partial<WitnessRoomView>
    hardwareTokens?: HardwareTokenPlace[]
    /** What is logged is of one day: none ends before the test moves the log's clock. */
    inOneDay?: boolean
    /** How long other servers and systems may take; half a second where tests wait in vain for some. */
    timeoutMs?: number
  } = {},
): Promise<AdminWorld> {
  const world = await createWorld(t)
  if (o.initialized !== false) await quickToken(world.directory, PIN)
  const keys = await world.open(o.hardwareTokens && { hardwareTokens: o.hardwareTokens })
  if (o.initialized !== false) await keys.login(PIN)
  const clock = () => world.now
  const beginsAheadMs = o.inOneDay === true ? aheadOfMidnight() : 0
  const logClock = { aheadMs: beginsAheadMs }
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-admin-'))
  const lines: string[] = []
  const wrong = new Set<string>()
  const log = createLog({ name: 'test', level: 'error', destination: { write: (line) => lines.push(line) } })
  const services = await openServices({
    ...{ databaseUrl: o.databaseUrl ?? `sqlite:${path.join(folder, 'server.db')}` },
    ...{ node: 'node1', clock, log },
    migrations: serverMigrations,
  })
  const { database, apiKeys } = services
  let running: { stop(): Promise<void> } | undefined
  t.teardown(async () => {
    await (running?.stop() ?? database.close())
    rmSync(folder, { recursive: true, force: true })
    checkDeclared(lines)
    if (wrong.size > 0) throw new Error([...wrong].join('\n'))
  })
  const own = [{ host: '127.0.1.1', port: 4000 }]
  const later = { host: '127.0.0.1', port: 2 } // got after addresses of services were stored
  const localSystems = await createLocalSystems({ database, clock, own })
  const { stamp, memberSigner, authority } = await signer()
  const archiveFolder = path.join(folder, 'archives')
  const options = logOptions(logFolder(t), o.logUrl)
  const { databaseUrl, keyFolder, bodyFolder } = options
  const messageLog = await openTestLog(t, {
    ...options,
    server,
    clock: () => Date.now() + logClock.aheadMs,
    stamp,
    signer: memberSigner,
    archives: { directory: archiveFolder, maxBytes: 32 * 1024 * 1024 },
  })
  const globalConfiguration = o.globalConfiguration ?? configurationOf(world, o.statementIndex)
  const post = () => Promise.reject(new Fault('registration_unavailable'))
  const contracts = await createContracts({
    ...{ server, database, clock, log },
    configuration: () => globalConfiguration.current(),
    signJson: keys.signJson,
    post,
  })
  let holders = 0
  const newHolder = async (): Promise<Holder> => {
    const of = await openDatabase('sqlite::memory:')
    t.teardown(() => of.close())
    await migrate(of, holderMigrations)
    const directory = path.join(folder, `subject-keys-${holders++}`)
    return createHolder({
      ...{ database: of, directory, clock: () => Date.now() + beginsAheadMs, keepMonths: 12 },
      limits: {
        ...{ perPersonDay: 40, perCaseDay: 20, perDay: 200 },
        ...{ identifiersPerDay: 10_000, indexesPerDay: 10_000 },
        ...{ lookUpsPerClientDay: 10_000, lookUpsPerDay: 20_000 },
      },
    })
  }
  const subjectKeys = await newHolder()
  const subjects = await openPersonSearch({
    ...{ settings: undefined, countryPrefix: '', keys: subjectKeys, database, clock, messageLog, contracts },
  })
  const app = createHttpService({ name: 'admin', log })
  await watchAnswers(app, 'security-server', wrong)
  const xRoadApi = createHttpService({ name: 'x-road-api', log, answerFailure: answerInXRoadsForm })
  const host = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const base = `http://${host}:4000`
  const clientSecretFile = path.join(folder, 'client-secret')
  writeFileSync(clientSecretFile, CLIENT.secret, { mode: 0o600 })
  const login = o.login && {
    ...{ issuer: o.login, clientId: CLIENT.id, clientSecretFile, baseUrl: base, contact: 'the operator' },
    ...(o.forActs && { passkeys: { days: 30, forActs: true } }),
  }
  const settings = settingsWith({
    ...{ server: idText(server), directory: folder, database: '', messageLogDatabase: '', pinFile: '' },
    auditing: { contentFourEyes: o.contentFourEyes === true, ordersNeedApproval: true },
    ...{ xRoadApi: { port: 4001 }, tracker: { grounds: o.grounds ?? [] } },
    ...(login && { login: { ...login, claimCodeFile: o.claimCodeFile }, fourEyes: o.fourEyes }),
  })
  if (o.pages !== undefined)
    servePages(app, { prefix: '/console', directory: o.pages, how: 'concordat console' })
  const verifyPeer = createPeerVerifier()
  const { timeoutMs: connectTimeoutMs = 500 } = o
  const timeouts = { connectTimeoutMs, replyTimeoutMs: connectTimeoutMs, idleTimeoutMs: 500 }
  const peerClient = createPeerClient(
    { keys, globalConfiguration, verifyPeer, xroadTlsPeers: new Set(), clock },
    { messagePort: 5500, ocspPort: 5577, connectionsPerPeer: 1, ...timeouts },
  )
  const serviceClient = createServiceClient({ connectTimeoutMs, connectionsPerService: 1, own })
  const folderOf = async (name: string): Promise<string> => {
    mkdirSync(path.join(folder, name), { recursive: true })
    return path.join(folder, name)
  }
  const ground: ServerGround & { subjectKeys: Holder } = {
    ...services,
    ...{
      settings,
      settingsFile: '',
      server,
      folder: folderOf,
      globalConfiguration,
      keys,
      localSystems,
      contracts: { ...contracts, ...(o.contractFor && { contractFor: o.contractFor }) },
    },
    ...{ storedLog: { databaseUrl, keyFolder, bodyFolder, bodyPlace: 'files' }, messageLog, settingsSchema },
    share: {},
    ...{ formerNodes: [], cluster: undefined, storedFiles: undefined },
    claimed: await claimName(createNodeStore(services.database), {
      ...{ node: services.node, place: 'here', hasOthers: false, schema: 'this' },
    }),
    ...{ post, ownListeners: [...own, later], subjectKeys, mailServer: undefined },
    ...{ xroadTlsPeers: new Set<string>(), verifyPeer, peerClient, serviceClient, shareIn: () => undefined },
    ...{ reliedOn: createReliedOn(clock), fetchOcsp: () => Promise.reject(new Fault('network_error')) },
    signMessage: createMessageSigner({ keys, clock }),
    ...{ verifyMessage: createMessageVerifier(), heard: () => undefined, observe: () => () => undefined },
    limits: { maxMessageBytes: 64 * 1024, maxSoapBytes: 64 * 1024, maxBodyBytes: 64 * 1024 },
    ...{ armConsumer: same, armProvider: same, armDeliveries: same, armSubscriptions: same },
    ...{
      clockCheck: createClockCheck({ clock, signedUntil: clock }),
      nodesOfOtherVersions: async () => [],
      isTimeProven: () => true,
    },
    logFor: (caller) => readableLog(messageLog, clearanceOf(caller), () => managementOf(globalConfiguration)),
    erasuresOf: (index) => erasuresOf(messageLog, index),
    closeGround: async () => void (await Promise.all([peerClient.close(), serviceClient.close()])),
  }
  const features = {
    ...FEATURES,
    modules: FEATURES.modules.map((one) => changed(one, o.witnessRoom, authority.tsa)),
  }
  running = await serve(
    ground,
    features,
    async ({ authenticate, approvals: fourEyes, carryOutBy, answerXRoadBy }) => ({
      admin: {
        ...{ app, url: base },
        listen: async () =>
          void (o.login === undefined ? await app.ready() : await app.listen({ host, port: 4000 })),
      },
      document: await securityServerApi(),
      around: (handlers) => recordingLooks(handlers, services.audit),
      ...{ authenticate, fourEyes },
      onApi: (api) => {
        carryOutBy(api)
        answerXRoadBy(api)
      },
      listeners: {
        ...{ clients: UNHEARD, peers: UNHEARD },
        'x-road-api': {
          listen: async (addRoutes) => {
            await addRoutes(xRoadApi)
            return { close: async () => xRoadApi.close() }
          },
        },
      },
      // Jobs that are enqueued run; tests run the recurring ones themselves.
      whenOpen: async () => {
        await services.jobs.start()
        return () => undefined
      },
      ready: '',
    }),
  )
  const directory = await folderOf('exports')
  const exports = await createExports({ database, messageLog, directory, node: 'node1', clock })
  const keyWith = async (roles: string[]) =>
    `X-Road-ApiKey token=${(await apiKeys.create({ name: 'test', roles })).secret}`
  const authorization: Record<string, string> = { all: await keyWith([...ROLES]) }
  for (const role of ROLES) authorization[role] = await keyWith([role])
  const sessions = createSessions({ database, clock })
  const people = createPeopleStore({ database, sessions, issuer: o.login, indispensable: [] })
  return {
    ...{ app, xRoadApi, base },
    rooms: { apiKeys, people },
    world,
    keys,
    ...{ localSystems, messageLog, logClock, archiveFolder, bodyFolder },
    logUrl: databaseUrl,
    exports,
    subjects,
    ...{ subjectKeys, newHolder, database, authorization },
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

/** A listener without any port. */
const same = <T>(rooms: T): T => rooms
const UNHEARD = { listen: async (): Promise<OpenListener> => ({ close: async () => undefined }) }

/** The settings of a file with this content, with all defaults. */
function settingsWith(file: object): Settings {
  const settings = structuredClone(file)
  const check = new Ajv({ useDefaults: true, strict: false }).compile(settingsSchema)
  if (!check(settings)) throw new Error(JSON.stringify(check.errors))
  return settings as Settings
}

/**
 * The feature for tests: its witnesses are those that a test sets, and the log is judged with the authority
 * that stamps it here.
 */
function changed(
  module: FeatureModule<never>,
  said: ((log: TestLog) => Partial<WitnessRoomView>) | undefined,
  tsa: Certificate,
): FeatureModule<never> {
  if (module.name === 'verification') {
    const globalConfiguration = { current: () => ({ index: { tsaCertificates: [tsa] } }) }
    return { ...module, open: (ground: object) => module.open({ ...ground, globalConfiguration } as never) }
  }
  if (module.name !== 'witness' || said === undefined) return module
  return {
    ...module,
    open: async (ground: { messageLog: TestLog }) => {
      const opened = await module.open(ground as never)
      const { witnessRoom } = opened.offers as { witnessRoom: WitnessRoomView }
      const changed = { ...witnessRoom, ...said(ground.messageLog) }
      return {
        ...opened,
        operations: witnessHandlers({ messageLog: ground.messageLog, witnessRoom: changed }),
        offers: { witnessRoom: changed },
      }
    },
  }
}

/** The audit log, newest first. */
export async function auditOf(
  ask: AdminWorld['ask'],
): Promise<{ operation: string; target: string; data: unknown }[]> {
  return JSON.parse((await ask('GET', '/audit-log?limit=500')).raw.toString()) as []
}
