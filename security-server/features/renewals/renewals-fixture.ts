/**
 * A security server's keys and renewals over a database, in an instance whose registry lists what is
 * registered with it.
 */
import { generateKeyPairSync, randomInt, sign } from 'node:crypto'
import type { Test } from 'tap'
import { type Authority, createAuthority, SUBJECT_PROFILE_CLASS } from '#certs/authority.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { parseCertificate } from '#core/certificate/certificate.ts'
import { parseOcspRequest } from '#core/certificate/ocsp-request.ts'
import { buildOcspResponse } from '#core/certificate/ocsp-response.ts'
import { migrate } from '#platform/database/migrate.ts'
import type { Database } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { ApprovedCa } from '#schemas/global-configuration.ts'
import type { RequestStatus } from '#schemas/management-request.ts'
import { type FakeAcme, startFakeAcme } from '#test/fakes/acme-server.ts'
import { listenForChallenges } from '../../challenge-listener.ts'
import type { Keys } from '../../keys/keys.ts'
import { createWorld, PIN, server, type World } from '../../keys/keys-fixture.ts'
import { selfSignedCertificate } from '../../keys/self-signed.ts'
import { quickToken } from '../../keys/token-fixture.ts'
import { accountHandlers } from './accounts.ts'
import { createAcmeHttp } from './acme/client.ts'
import { answerChallenges } from './answer-challenges.ts'
import { goOnWithAll } from './go-on.ts'
import { renewalHandlers } from './handlers.ts'
import { renewalMigrations } from './migrations.ts'
import { httpProof } from './proofs.ts'
import { iso, type RenewalRooms } from './rooms.ts'
import { type AcmeSettings, type FindAccount, readAccounts } from './settings.ts'
import { createRenewalStore, type RenewalStore } from './store.ts'

/** The world stands still meanwhile: longer than any test takes until its first certificate is given. */
const AHEAD_MS = 600_000
const OFFICER = { kind: 'key', id: '1', name: 'officer', roles: ['XROAD_SECURITY_OFFICER'] } as const

type View = {
  id: string
  node: string
  state: string
  nextAt: string
  stopped: boolean
  tries: number
  certificateSha256?: string
  nextCertificateSha256?: string
  removable: string[]
  error?: { code: string; message: string }
  steps: { step: string; detail: string }[]
}

type RenewalWorld = {
  world: World
  keys: Keys
  rooms: RenewalRooms
  store: RenewalStore
  /** Where the challenges are answered. */
  address: string
  /**
   * Certificates whose registration was filed; `isAutomatic` says whether the registry lists them at once.
   */
  filed: string[]
  registry: {
    isAutomatic: boolean
    states: RequestStatus[]
    /** What comes back instead of the number of a request. */
    answer?: ((request: number) => Fault | undefined) | undefined
  }
  /** The registry lists the certificate. */
  list(sha256: string): void
  /** It lists none of this server any more. */
  unlistAll(): void
  /** Approves this CA and no other. */
  approve(ca: ApprovedCa): void
  call(operation: string, q?: { params?: object; body?: object; roles?: string[] }): Promise<unknown>
  view(): Promise<View>
  /** Runs what is due. */
  goOn(): Promise<void>
}

type FakeWorld = RenewalWorld & { fake: FakeAcme; authority: Authority }

export async function renewalWorld(
  t: Test,
  database: Database,
  q: {
    tlsCa?: string
    port?: number
    accounts?: AcmeSettings['accounts']
    account?: FindAccount
    node?: string
    /** Whether the member DEV/COM/4000 has a client here. */
    isGuestHere?: boolean
  } = {},
): Promise<RenewalWorld> {
  await migrate(database, renewalMigrations)
  const world = await createWorld(t)
  // The certificates of a CA outside begin when they are given, by the clock of the machine.
  world.now = Date.now() + AHEAD_MS
  const responder = makeResponder(world)
  const store = createRenewalStore(database)
  const clock = () => world.now
  let approvedCas: ApprovedCa[] = []
  const publish = (): void =>
    world.reconfigure({
      approvedCas,
      securityServers: [
        { id: server, address: 'ss1.example', authCertHashes: world.registered, clients: [] },
      ],
    })
  await quickToken(world.directory, PIN)
  const keys = await world.open({ fetchOcsp: async (_url, request) => responder.answer(request) })
  await keys.login(PIN)
  const filed: string[] = []
  const list = (sha256: string): void => {
    world.registered = [...world.registered, Buffer.from(sha256, 'hex')]
    publish()
  }
  const registry: RenewalWorld['registry'] = { isAutomatic: true, states: [] }
  const http = createAcmeHttp({ ca: q.tlsCa, clock })
  t.teardown(() => http.close())
  const { find } = await readAccounts({ renewAfterShare: 0.67, accounts: q.accounts ?? [] })
  const rooms: RenewalRooms = {
    ...{
      server,
      node: q.node ?? 'n1',
      sharesKeys: false,
      presentNodes: async () => new Set(['n1', 'n2']),
      keys,
      store,
      clock,
      http,
      account: q.account ?? find,
      share: 0.67,
      lookMs: 60_000,
      country: 'FI',
      proof: httpProof(store, clock),
    },
    log: createLog({ name: 'test', destination: { write: () => undefined } }),
    globalConfiguration: {
      current() {
        if (world.configuration === undefined) throw new Fault('global_conf_outdated')
        return { index: world.configuration }
      },
    },
    async registerCertificate(sha256) {
      filed.push(sha256)
      if (registry.isAutomatic) list(sha256)
      const request = filed.length
      const fault = registry.answer?.(request)
      if (fault !== undefined) throw fault
      return request
    },
    filedRequests: async () => registry.states,
  }
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const app = await listenForChallenges({ address, port: q.port ?? 5002 }, (to) =>
    answerChallenges(to, store, clock),
  )
  t.teardown(() => app.close())
  const handlers = {
    ...renewalHandlers({
      ...{ ...rooms, isSet: true },
      isClient: (member) => member === 'DEV/COM/4000' && q.isGuestHere === true,
    }),
    ...accountHandlers(rooms),
  }
  const call: RenewalWorld['call'] = async (operation, { params = {}, body, roles = OFFICER.roles } = {}) =>
    handlers[operation]!({ params, body, query: {}, caller: { ...OFFICER, roles } } as never)
  return {
    ...{ world, keys, rooms, store, address, filed, registry, list, call },
    unlistAll() {
      world.registered = []
      publish()
    },
    approve(ca) {
      const ocsp = [{ url: 'http://127.0.0.1:1/ocsp', cert: responder.certificate }]
      approvedCas = [
        {
          ...ca,
          topCa: { ...ca.topCa, ocsp },
          intermediateCas: ca.intermediateCas.map((one) => ({ ...one, ocsp })),
        },
      ]
      publish()
    },
    async view() {
      const { renewals } = (await call('getCertificateRenewals')) as { renewals: View[] }
      return renewals.find(({ node }) => node === rooms.node)!
    },
    goOn: () => goOnWithAll(rooms, new AbortController().signal),
  }
}

/**
 * A world whose CA is the fake one; a second node at the same CA names the world of the first as `beside`.
 */
export async function fakeWorld(
  t: Test,
  database: Database,
  usage: 'signing' | 'authentication',
  more: { node?: string; isGuestHere?: boolean; beside?: FakeWorld } = {},
): Promise<FakeWorld> {
  const times = { now: () => Date.now() + AHEAD_MS }
  const { authority, fake } = more.beside ?? (await fakeCa(t, usage, times))
  const port = randomInt(20_000, 30_000)
  const binding = { kid: 'sign-1', macKey: Buffer.alloc(32, 7) }
  const account = () => ({ name: 'b', binding, contact: undefined })
  const made = await renewalWorld(t, database, { ...more, tlsCa: fake.tlsCa, port, account })
  times.now = () => made.world.now
  made.approve({
    ...{ name: 'Fake', authenticationOnly: false, certificateProfileInfo: SUBJECT_PROFILE_CLASS },
    topCa: { cert: authority.root.der, ocsp: [] },
    intermediateCas: [{ cert: authority.intermediate.der, ocsp: [] }],
    acmeServer: { directoryUrl: fake.directoryUrl, signingCertificateProfileId: 'signing-2' },
  })
  return { fake, authority, ...made }
}

async function fakeCa(t: Test, usage: 'signing' | 'authentication', times: { now(): number }) {
  const authority = await createAuthority({ clock: () => times.now(), instance: 'DEV' })
  return { authority, fake: await startFakeAcme(t, authority, usage) }
}

/** Says of every certificate what `world.ocsp` says; the configuration names it as a responder. */
function makeResponder(world: World) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const names = { hostName: 'ocsp.example', ipAddresses: [] }
  const certificate = parseCertificate(
    selfSignedCertificate({ privateKey, names, at: new Date(Date.now() - 3600_000) }),
  )
  return {
    certificate: certificate.der,
    answer(request: Buffer): Buffer {
      if (world.ocsp === 'down') throw new Fault('network_error')
      const at = new Date(world.now)
      const { mode } = world.ocsp
      const status =
        mode === 'revoked'
          ? { status: 'revoked' as const, revokedAt: at }
          : { status: mode === 'unknown' ? ('unknown' as const) : ('good' as const) }
      return buildOcspResponse({
        answers: parseOcspRequest(request).certIds.map((certId) => ({
          ...{ certId, ...status, thisUpdate: at },
          nextUpdate: new Date(Date.parse(iso(world.now)) + 3600_000),
        })),
        ...{ producedAt: at, responder: certificate, includeCertificates: [] },
        sign: (tbs) => ({
          algorithm: der.sequence(der.oid(OID.ecdsaWithSHA256)),
          value: sign('sha256', tbs, privateKey),
        }),
      })
    },
  }
}
