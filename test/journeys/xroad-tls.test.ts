/**
 * Security servers that use exactly an X-Road server's TLS on the wire: complete exchanges with TLS 1.2 and
 * its suites, with P-256 and RSA authentication certificates, and only between servers that their operators
 * named. Also what an agency's own systems see: the internal TLS certificate, renewed during exchanges.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { addService, startProviderSystem } from '../fakes/provider-system.ts'
import { startTcpProxy } from '../fakes/tcp-proxy.ts'
import { startTlsTap } from '../fakes/tls-tap.ts'
import { prepareInstance, systemOf } from '../processes.ts'
import { ask, colons, type Reply, type ServerName } from '../world.ts'
import { soapByRsa } from './soap-by-rsa.ts'

const instance = await prepareInstance()
t.teardown(() => instance.stop())
const { population, tax, business } = instance.servers
const { admin, registryAdmin, trust } = instance
const system = await startProviderSystem(instance.address(40))
t.teardown(() => system.close())
// The registry knows the tap's address in place of the provider's.
const host = instance.address(41)
const tap = await startTlsTap({ host, port: population.messagePort, to: population.address })
const ocsp = await startTcpProxy({ host, port: population.ocspPort, to: population.address })
t.teardown(() => Promise.all([tap.close(), ocsp.close()]))

// The registry tries the ports of servers by its own TLS, which the tap would see too.
const UNTRIED = { CONCORDAT_REGISTRY_FLEET_PROBE_SECONDS: '0' }
await Promise.all([instance.start('trust'), instance.start('registry', UNTRIED)])
await Promise.all([instance.start('population'), instance.start('tax')])
await registryAdmin.send('PATCH', `/security-servers/${colons(population.id)}`, { address: host })
await instance.publish()
const service = { provider: population.client, grants: [{ client: tax.client }] }
await addService(admin.population, { ...service, serviceCode: 'echo', url: system.url })

const EXACTLY = { NODE_OPTIONS: `--import=${new URL('../fakes/xroad-tls.ts', import.meta.url).href}` }
const mirrored = randomBytes(100_000)

/** A peer's profile: `exactly` as an X-Road server's, or as ours. */
function profile(peer: { id: string }, exactly: boolean): Record<string, string> {
  return { CONCORDAT_PEERS_XROAD_TLS_PEERS: peer.id, ...(exactly ? EXACTLY : {}) }
}

type Profiles = { provider?: Record<string, string>; consumer?: Record<string, string> }

/**
 * A server that is not named goes on with the profile that it has: each start of either ends all connections
 * between them.
 */
async function restart({ provider, consumer }: Profiles): Promise<void> {
  const changes = Object.entries({ population: provider, tax: consumer }).flatMap(([name, profile]) =>
    profile === undefined ? [] : [{ name: name as ServerName, profile }],
  )
  // No exchange is under way, so there is nothing to drain.
  await Promise.all(changes.map(({ name }) => instance.process(name).kill()))
  tap.chosen.length = 0
  const starts = changes.map(({ name, profile }) => instance.start(name, profile))
  // Both have started, or failed to, before a failure ends the test.
  await Promise.allSettled(starts)
  await Promise.all(starts)
  // Servers find and accept each other by the configuration; here it is still the stored one.
  await instance.publish()
}

function exchange(): Promise<Reply> {
  system.answer(({ body }, response) => void response.end(body))
  return instance.ask('tax', `/r1/${population.client}/echo/mirror`, { method: 'POST', body: mirrored })
}

/** Bodies in both directions, with a request and its reply in both logs; all connections use `tls`. */
async function exchanges(t: Test, tls: string): Promise<void> {
  const reply = await exchange()
  t.equal(reply.status, 200, reply.status === 200 ? tls : reply.body.toString())
  t.ok(reply.body.equals(mirrored))
  t.ok(tap.chosen.length > 0)
  t.strictSame([...new Set(tap.chosen)], [tls])
  for (const name of ['tax', 'population'] as const) {
    const [answered] = await admin[name].get<{ outcome: string }[]>('/message-log/records?limit=1&kind=reply')
    t.match(answered, { outcome: 'ok' }, `logged by ${name}`)
  }
}

t.test('by default servers speak TLS 1.3', (t) => exchanges(t, 'TLSv1.3 1302'))

/** No exchange, and the system is not called. */
async function refused(t: Test, code: RegExp, why: string): Promise<void> {
  const before = system.calls.length
  const reply = await exchange()
  t.match(reply.headers['x-road-error'], code, `${why}: ${reply.body.toString()}`)
  t.equal(system.calls.length, before)
}

t.test('TLS 1.2 is for those whom the consumer named', async (t) => {
  await restart({ provider: profile(tax, true) })
  await refused(t, /\.tls_failed$/, 'the consumer has it off')
})

t.test('P-256 certificates: an exchange as between X-Road servers', async (t) => {
  await restart({ consumer: profile(population, true) })
  await exchanges(t, 'TLSv1.2 ECDHE-ECDSA-AES256-SHA384')
})

t.test('RSA certificates, as X-Road servers have them', async (t) => {
  await presentRsa('population')
  await presentRsa('tax')
  await instance.publish()
  const rsa = 'TLSv1.2 ECDHE-RSA-AES256-SHA384'
  const [asXroad, ours] = [
    { provider: profile(tax, true), consumer: profile(population, true) },
    { provider: profile(tax, false), consumer: profile(population, false) },
  ]
  for (const [what, change, tls] of [
    ['X-Road to X-Road', asXroad, rsa],
    ['ours to X-Road', { consumer: ours.consumer }, rsa],
    ['ours to ours', { provider: ours.provider }, 'TLSv1.3 1302'],
    ['X-Road to ours', { consumer: asXroad.consumer }, rsa],
  ] as const) {
    await t.test(what, async (t) => {
      await restart(change)
      await exchanges(t, tls)
    })
  }
})

t.test('SOAP with attachments, signed with RSA keys, over the TLS of X-Road', async (t) => {
  const [consumer, provider] = [profile(population, true), profile(tax, true)]
  await restart({ consumer, provider })
  await soapByRsa(t, { instance, system, certified })
  t.strictSame([...new Set(tap.chosen)], ['TLSv1.2 ECDHE-RSA-AES256-SHA384'])
})

t.test('TLS 1.2 is for those whom the provider named', async (t) => {
  await restart({ provider: profile(business, false) })
  await refused(t, /\.tls_profile_not_allowed$/, 'another one is named')
  await restart({ provider: {} })
  await refused(t, /\.tls_failed$/, 'the provider has it off')
})

t.test('systems and services see the internal TLS certificate, the newest one', async (t) => {
  await restart({ consumer: {} })
  const { cert, key } = systemOf(population)
  const options = { cert, key, requestCert: true, rejectUnauthorized: true }
  const issuedBySandbox = readFileSync(trust.rootFile)
  const seen: string[] = []
  const secure = https.createServer({ ...options, ca: issuedBySandbox }, (request, response) => {
    seen.push((request.socket as TLSSocket).getPeerCertificate().fingerprint256)
    response.end('secure')
  })
  await new Promise<void>((resolve) => secure.listen(0, instance.address(42), resolve))
  t.teardown(() => {
    secure.closeAllConnections()
    secure.close()
  })
  const { port } = secure.address() as AddressInfo
  const url = `https://${instance.address(42)}:${port}`
  const { serviceId } = await addService(admin.population, { ...service, serviceCode: 'secure', url })
  const own = Buffer.from(cert.slice(0, cert.indexOf('-----BEGIN', 1)))
  await admin.population.send('POST', `/services/${serviceId}/tls-certificates`, own)
  const askSecure = (): Promise<Reply> => instance.ask('tax', `/r1/${population.client}/secure`)
  t.equal(
    (await askSecure()).body.toString(),
    'secure',
    'it demands a certificate that it knows, and gets it',
  )

  await admin.population.send('POST', '/system/certificate')
  t.match((await askSecure()).json(), { type: /service_failed$/ }, 'one that the service does not know yet')
  const renewed = await admin.population.bytes('/system/certificate/export')
  secure.setSecureContext({ ...options, ca: renewed })
  t.equal((await askSecure()).body.toString(), 'secure')
  t.equal(new Set(seen).size, 2)

  const { hostname, port: httpsPort } = new URL(population.httpsUrl)
  const socket = connect({ host: hostname, port: Number(httpsPort), ca: renewed })
  await once(socket, 'secureConnect')
  t.ok(socket.authorized, 'client systems see it without a restart, with the address in it')
  socket.destroy()
})

/** Replaces a server's registered authentication key with a new RSA key. */
async function presentRsa(name: ServerName): Promise<void> {
  const { id } = instance.servers[name]
  const certificates = await admin[name].get<{ sha256: string; usage: string }[]>('/token-certificates')
  const [token] = await admin[name].get<{ id: string }[]>('/tokens')
  const made = await admin[name].send<{ csr: { pem: string } }>(
    'POST',
    `/tokens/${token!.id}/keys-with-csrs`,
    {
      key: { usage: 'AUTHENTICATION', label: 'rsa', algorithm: 'RSA-2048' },
      csr: { dnsName: `${name}.example` },
    },
  )
  const certificate = await certified('authentication', made.csr.pem)
  await admin[name].send('POST', '/token-certificates', certificate)
  const registered = `/security-servers/${colons(id)}/authentication-certificates`
  await registryAdmin.send('POST', registered, certificate)
  for (const { sha256, usage } of certificates) {
    if (usage === 'AUTHENTICATION') await registryAdmin.send('DELETE', `${registered}/${sha256}`)
  }
}

async function certified(profile: string, request: string): Promise<Buffer> {
  const reply = await ask(trust.caUrl, `/certificates?profile=${profile}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/octet-stream' },
    body: request,
  })
  if (reply.status !== 200) throw new Error(reply.body.toString())
  return reply.body
}
