/**
 * Real keys, certificates and configuration of security servers for the tests of peer, consumer and provider.
 * The tax agency sends requests (ss1), the population register answers (ss2, and ss3 as a second server). It
 * starts no process and no listener: tests open those that they need.
 */
import { randomInt } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import {
  type Authority,
  createAuthority,
  type IssueRequest,
  SUBJECT_PROFILE_CLASS,
} from '#certs/authority.ts'
import { indexConfiguration } from '#core/configuration/configuration-index.ts'
import {
  indexSuspensions,
  NOBODY_SUSPENDED,
  type SuspensionIndex,
} from '#core/configuration/suspension-list.ts'
import { type RestRequest, readClientRequest, withIds } from '#core/transport/rest-request.ts'
import { Fault } from '#schemas/fault.ts'
import type { SharedParameters, Suspended } from '#schemas/global-configuration.ts'
import {
  type MemberId,
  memberOf,
  parseServerId,
  parseSubsystemId,
  type ServerId,
} from '#schemas/identifiers.ts'
import type { ConfigurationSnapshot } from '../global-configuration/global-configuration.ts'
import type { Overdue } from '../global-configuration/overdue.ts'
import { ANY_GRACE, certificateIn } from '../global-configuration/snapshot.ts'
import { createKeys, type Keys } from '../keys/keys.ts'
import { proposeSubject } from '../keys/propose-subject.ts'
import { quickToken } from '../keys/token-fixture.ts'
import type { Body, BodySpool } from '../message/body.ts'
import { openBodyFolder } from '../message-log/bodies/body-folder.ts'
import { createSpool } from '../message-log/bodies/spool.ts'
import type { LogEntry, PathLog } from './message-log.ts'

export const TAX = parseSubsystemId('DEV/GOV/1000/tax')
export const POPULATION = parseSubsystemId('DEV/GOV/2000/population')
export const SS1 = parseServerId('DEV/GOV/1000/ss1')
export const SS2 = parseServerId('DEV/GOV/2000/ss2')
export const SS3 = parseServerId('DEV/GOV/2000/ss3')
const PIN = 'correct horse 7'
const OCSP_FRESHNESS_SECONDS = 3600

export type Server = { id: ServerId; address: string; keys: Keys }

export type PeerWorld = {
  authority: Authority
  /** Milliseconds added to the machine's time. */
  skew: number
  /** In place of the machine's time, so that no wait is over before the test says so. */
  standing: number | undefined
  clock(): number
  /** Changes the configuration and notifies all `onChange` listeners. */
  reconfigure(change?: (shared: SharedParameters) => SharedParameters): void
  globalConfiguration: {
    current(): ConfigurationSnapshot
    currentWithin(graceMs: number): ConfigurationSnapshot
    onChange(listener: (snapshot: ConfigurationSnapshot) => void): () => void
    hear(head: string | undefined): void
  }
  /** Restores the configuration and the time that the world began with. */
  restore(): void
  /** The suspensions of the next configuration. */
  suspended: Suspended[]
  /** The revoked certificates of the next configuration, by `certificateIn`. */
  revoked: Set<string>
  /** What the registries of other instances publish, in the next configuration. */
  federated: SharedParameters[]
  /** What peers reported about the registry. */
  heard: string[]
  /** While set, every read of the configuration throws this. */
  outage: Fault | undefined
  /** While set, the configuration is past its end, and may still be used for as long as a contract grants. */
  overdue: Overdue | undefined
  consumer: Server
  provider: Server
  second: Server
  spool: BodySpool
  /** The body files on disk; a test finds here those that no record and no message refers to. */
  bodyFiles(): string[]
}

/** Creates the world, with all servers registered and all statuses fresh; it is removed with the test `t`. */
export async function createPeerWorld(t: Test): Promise<PeerWorld> {
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-peer-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const authority = await createAuthority({ clock: () => Date.now(), instance: 'DEV' })
  // Several worlds run at once on one machine, all with the same ports.
  const net = `127.${randomInt(2, 250)}.${randomInt(1, 250)}`
  const beyond = 3 * randomInt(80)
  const listeners = new Set<(snapshot: ConfigurationSnapshot) => void>()
  let version = 0
  let snapshot: ConfigurationSnapshot | undefined
  let shared = parametersOf(authority)
  const currentWithin = (graceMs: number): ConfigurationSnapshot => {
    if (world.outage !== undefined) throw world.outage
    const { overdue } = world
    if (overdue === undefined) return snapshot!
    if (overdue.forMs >= graceMs) throw new Fault(overdue.code)
    return { ...snapshot!, overdue: () => overdue }
  }
  const folder = await openBodyFolder(path.join(directory, 'bodies'), 'test')
  const world = {
    authority,
    skew: 0,
    standing: undefined,
    clock: (): number => (world.standing ?? Date.now()) + world.skew,
    outage: undefined,
    overdue: undefined,
    suspended: [],
    revoked: new Set<string>(),
    federated: [],
    heard: [],
    spool: createSpool(folder),
    bodyFiles: () => readdirSync(path.join(directory, 'bodies/incoming/test')),
    globalConfiguration: {
      current: () => currentWithin(0),
      currentWithin,
      hear: (head: string | undefined) => void (head === undefined || world.heard.push(head)),
      onChange(listener: (snapshot: ConfigurationSnapshot) => void) {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    },
    reconfigure(change: (shared: SharedParameters) => SharedParameters = (same) => same) {
      shared = change(shared)
      snapshot = snapshotOf(shared, `${++version}`, indexSuspensions(world.suspended), world)
      for (const listener of listeners) listener(snapshot)
    },
  } as unknown as PeerWorld
  world.reconfigure()
  const open = async (id: ServerId, last: number): Promise<Server> => {
    const keys = await openKeys(path.join(directory, id.serverCode), world)
    t.teardown(() => keys.close())
    const server = { id, address: `${net}.${beyond + last}`, keys }
    const authentication = await authenticationCertificate(world, server)
    await signingCertificate(world, server, memberOf(id))
    world.reconfigure((before) => ({
      ...before,
      securityServers: [
        ...before.securityServers,
        {
          id,
          address: server.address,
          authCertHashes: [Buffer.from(authentication, 'hex')],
          clients: [id.memberCode === '1000' ? TAX : POPULATION],
        },
      ],
    }))
    return server
  }
  world.consumer = await open(SS1, 1)
  world.provider = await open(SS2, 2)
  world.second = await open(SS3, 3)
  const beginning = shared
  world.restore = () => {
    world.skew = 0
    world.standing = undefined
    world.outage = undefined
    world.suspended = []
    world.revoked.clear()
    world.federated = []
    world.heard = []
    world.reconfigure(() => beginning)
  }
  return world
}

async function openKeys(directory: string, world: PeerWorld): Promise<Keys> {
  await quickToken(directory, PIN)
  const keys = await createKeys({
    directory,
    clock: world.clock,
    configuration: () => world.globalConfiguration.currentWithin(ANY_GRACE).index,
    fetchOcsp: async (_url, request) => world.authority.ocspAnswer(request, { at: new Date(world.clock()) }),
  })
  await keys.login(PIN)
  return keys
}

/** Makes a new authentication certificate that is active but not registered; returns its SHA-256. */
export async function authenticationCertificate(
  world: PeerWorld,
  server: Server,
  issue: Partial<IssueRequest> = {},
): Promise<string> {
  const key = await server.keys.createKey({ usage: 'AUTHENTICATION', label: 'auth' })
  const subject = subjectOf('AUTHENTICATION', memberOf(server.id), server.id)
  const { request } = await server.keys.createRequest({ keyId: key.id, subject })
  const certificate = await world.authority.issue({ request, profile: 'authentication', ...issue })
  return (await server.keys.importCertificate(certificate.der)).sha256
}

async function signingCertificate(world: PeerWorld, server: Server, member: MemberId): Promise<void> {
  const key = await server.keys.createKey({ usage: 'SIGNING', label: 'sign' })
  const subject = subjectOf('SIGNING', member, server.id)
  const { request } = await server.keys.createRequest({ keyId: key.id, member, subject })
  const certificate = await world.authority.issue({ request, profile: 'signing' })
  await server.keys.importCertificate(certificate.der)
}

function subjectOf(usage: 'SIGNING' | 'AUTHENTICATION', member: MemberId, server: ServerId) {
  const profile = SUBJECT_PROFILE_CLASS
  return proposeSubject({ profile, usage, member, memberName: 'Agency', server, dnsName: 'ss.example' })
}

function snapshotOf(
  shared: SharedParameters,
  version: string,
  suspensions: SuspensionIndex,
  world: Pick<PeerWorld, 'revoked' | 'federated'>,
): ConfigurationSnapshot {
  const index = indexConfiguration(shared)
  // Ours has no better place in them than theirs.
  const indexes = [...world.federated.map((one) => indexConfiguration(one)), index]
  const revoked = new Set(world.revoked)
  const snapshot: ConfigurationSnapshot = {
    index,
    version,
    graceMsOf: () => 0,
    within: () => snapshot,
    overdue: () => undefined,
    expiresAt: new Date(8.64e15),
    statementIndex: 7,
    configurationHead: 'a.head.7',
    suspensionsUntil: undefined,
    suspensionsIn: (instance) => (instance === 'DEV' ? suspensions : NOBODY_SUSPENDED),
    isRevoked: (sha256, instance) => revoked.has(certificateIn(instance, sha256)),
    instance: 'DEV',
    trustedIssuers: [],
    indexFor: (instance) => indexes.find((one) => one.instance === instance),
    indexes: () => indexes,
    verificationFiles: () => [],
  }
  return snapshot
}

function parametersOf(authority: Authority): SharedParameters {
  const url = 'http://127.0.0.1:1/ocsp'
  const member = (memberCode: string): MemberId => ({ instance: 'DEV', memberClass: 'GOV', memberCode })
  return {
    instance: 'DEV',
    sources: [],
    approvedCas: [
      {
        name: 'Development CA',
        authenticationOnly: false,
        topCa: { cert: authority.root.der, ocsp: [{ url }] },
        intermediateCas: [
          { cert: authority.intermediate.der, ocsp: [{ url, cert: authority.ocspResponder.der }] },
        ],
        certificateProfileInfo: SUBJECT_PROFILE_CLASS,
      },
    ],
    approvedTsas: [],
    members: [
      {
        id: member('1000'),
        memberClassDescription: '',
        name: 'Tax Agency',
        subsystems: [{ id: TAX }],
      },
      {
        id: member('2000'),
        memberClassDescription: '',
        name: 'Population Register',
        subsystems: [{ id: POPULATION }],
      },
    ],
    securityServers: [],
    globalGroups: [],
    memberClasses: [],
    ocspFreshnessSeconds: OCSP_FRESHNESS_SECONDS,
  }
}

/**
 * A message log in memory. `records` has the appended entries in order; `fail` may return a fault for the
 * next ones.
 */
export type FakeLog = PathLog & {
  records: LogEntry[]
  fail: ((entry: LogEntry) => Fault | undefined) | undefined
  unusable: Fault | undefined
  /** The number of messages under way that hold replay keys. */
  holds: number
  /** Kind and outcome of every record, as "request:" or "refusal:access_denied". */
  told(): string[]
}

export function createFakeLog(world: PeerWorld): FakeLog {
  const replayKeys = new Set<string>()
  const log: FakeLog = {
    records: [],
    fail: undefined,
    unusable: undefined,
    holds: 0,
    spool: world.spool,
    holdReplayKeys() {
      log.holds++
      return once(() => log.holds--)
    },
    told: () => log.records.map(({ kind, outcome }) => `${kind}:${outcome}`),
    treeHead: () => 'ss2\n1\nAAAA\n',
    checkUsable() {
      if (log.unusable !== undefined) throw log.unusable
    },
    async append(entry) {
      const fault = log.fail?.(entry)
      if (fault !== undefined) throw fault
      const key = entry.replayKey?.toString('hex')
      if (key !== undefined && replayKeys.has(key)) throw new Fault('replayed_request')
      if (key !== undefined) replayKeys.add(key)
      const index = log.records.push(entry) - 1
      return { index, leaf: Buffer.alloc(32, index) }
    },
  }
  return log
}

function once(act: () => void): () => void {
  let done = false
  return () => {
    if (!done) act()
    done = true
  }
}

/** A spooled body with these bytes, as a message has it. */
export async function bodyOf(world: PeerWorld, bytes: Buffer | string): Promise<Body> {
  const pending = world.spool.begin({ maxBytes: 1e9 })
  await pending.write(Buffer.from(bytes))
  return pending.end()
}

/** A request of the tax agency, as its server would send it. */
export function requestOf(q: { requestId: string; method?: string; target?: string; headers?: string[] }): {
  request: RestRequest
  requestId: string
  bytes: Buffer
} {
  const head = readClientRequest({
    method: q.method ?? 'GET',
    url: q.target ?? '/r1/DEV/GOV/2000/population/persons/a',
    rawHeaders: ['X-Road-Client', 'DEV/GOV/1000/tax', ...(q.headers ?? [])],
  })
  return { requestId: q.requestId, ...withIds(head, { requestId: q.requestId, generatedId: 'DEV-1' }) }
}
