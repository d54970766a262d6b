/** A management API for tests: real keys, local systems, message log and database; a configuration from the keys' world. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { NOBODY_SUSPENDED } from '#core/configuration/suspension-list.ts'
import { createApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { createContracts } from '../global-configuration/contracts/contracts.ts'
import type { GlobalConfiguration } from '../global-configuration/global-configuration.ts'
import { createPostDocument } from '../global-configuration/registration/client.ts'
import type { Keys } from '../keys/keys.ts'
import { createWorld, PIN, server, type World } from '../keys/keys-fixture.ts'
import { createLocalSystems, type LocalSystems } from '../local-systems/local-systems.ts'
import { logFolder, logOptions, openTestLog, signer } from '../message-log/fixture.ts'
import type { MessageLog } from '../message-log/message-log.ts'
import { serverMigrations } from '../migrations/migrations.ts'
import { adminRoutes } from './api.ts'
import { ROLES } from './roles.ts'

export type Reply = {
  status: number
  body: Record<string, unknown>
  raw: Buffer
  headers: Record<string, unknown>
}

export type AdminWorld = {
  app: FastifyInstance
  world: World
  keys: Keys
  localSystems: LocalSystems
  messageLog: MessageLog
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
  o: { globalConfiguration?: GlobalConfiguration; initialized?: boolean } = {},
): Promise<AdminWorld> {
  const world = await createWorld(t)
  const keys = await world.open()
  if (o.initialized !== false) await keys.initialize(PIN)
  const clock = () => world.now
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-admin-'))
  const database = await openDatabase(`sqlite:${path.join(folder, 'server.db')}`)
  t.teardown(async () => {
    await database.close()
    rmSync(folder, { recursive: true, force: true })
  })
  await migrate(database, serverMigrations)
  const own = [{ host: '127.0.1.1', port: 4000 }]
  const localSystems = await createLocalSystems({ database, clock, own })
  const { stamp, memberSigner } = await signer()
  const messageLog = await openTestLog(t, { ...logOptions(logFolder(t)), stamp, signer: memberSigner })
  const globalConfiguration = o.globalConfiguration ?? configurationOf(world)
  const contracts = await createContracts({
    ...{ server, database, clock, log: createLog({ name: 'test', level: 'silent' }) },
    configuration: () => globalConfiguration.current(),
    signJson: keys.signJson,
    post: createPostDocument(() => globalConfiguration.current().index.privateParameters?.managementService),
  })
  const app = createHttpService({ name: 'admin', log: createLog({ name: 'test', level: 'silent' }) })
  t.teardown(() => app.close())
  await adminRoutes(app, {
    server,
    clock,
    database,
    keys,
    globalConfiguration,
    contracts,
    localSystems,
    messageLog,
    jobs: { state: async () => [] },
    own,
  })
  await app.ready()
  const apiKeys = createApiKeys({ database, clock })
  const keyWith = async (roles: string[]) =>
    `X-Road-ApiKey token=${(await apiKeys.create({ name: 'test', roles })).secret}`
  const authorization: Record<string, string> = { all: await keyWith([...ROLES]) }
  for (const role of ROLES) authorization[role] = await keyWith([role])
  return {
    app,
    world,
    keys,
    localSystems,
    messageLog,
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
    refreshSuspensions: async () => undefined,
    hear: () => undefined,
    onChange: () => () => undefined,
    state: () => ({
      anchor: undefined,
      attempt: { lastAttempt: undefined, lastSuccess: undefined, lastError: undefined },
      own: undefined,
      federated: [],
      registry: { fork: undefined, behind: undefined },
    }),
    readAnchor: unused,
    installAnchor: unused,
  }
}
