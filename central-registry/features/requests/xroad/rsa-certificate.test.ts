import { randomInt, randomUUID, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { type ConnectionOptions, connect } from 'node:tls'
import t, { type Test } from 'tap'
import { setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { authority, owner, SERVER } from '#test/fakes/request-world.ts'
import {
  managementService,
  managementSoap,
  passOn,
  signedManagementMessage,
  type TlsIdentity,
  tlsIdentity,
} from '#test/fakes/xroad-management.ts'

/** What the proxy of X-Road's security server offers to systems of providers: TLS 1.2 and these suites. */
const PROXY_SUITES = [
  ...['ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-SHA256', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ...['ECDHE-RSA-AES256-SHA384', 'DHE-RSA-AES128-GCM-SHA256', 'DHE-RSA-AES128-SHA256'],
  ...['DHE-RSA-AES256-SHA256', 'DHE-RSA-AES256-GCM-SHA384'],
]
const only = (suites: string[]): ConnectionOptions => ({
  ...{ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' },
  // The security level of Java's platform; OpenSSL's own default would leave suites out by itself.
  ciphers: `${suites.join(':')}:@SECLEVEL=0`,
})
const XROAD_PROXY = only(PROXY_SUITES)
const managementServer = tlsIdentity('management.example', 2048)
const RSA = tlsIdentity('registry.example', 2048)

function settingsFor(directory: string, rsa?: TlsIdentity) {
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const listener = managementService(directory, address, [managementServer])
  if (rsa === undefined) return listener
  const [rsaCertificateFile, rsaKeyFile] = ['rsa.pem', 'rsa.key'].map((name) => path.join(directory, name))
  writeFileSync(rsaCertificateFile!, rsa.cert)
  writeFileSync(rsaKeyFile!, rsa.key, { mode: 0o600 })
  return { ...listener, rsaCertificateFile: rsaCertificateFile!, rsaKeyFile: rsaKeyFile! }
}

/** Suite, version and kind of the certificate that a client with these offers is shown, or the failure. */
async function shown(to: { address: string; port: number }, offer: ConnectionOptions): Promise<string> {
  const socket = connect({ host: to.address, port: to.port, rejectUnauthorized: false, ...offer })
  try {
    await once(socket, 'secureConnect')
    const { raw } = socket.getPeerCertificate()
    const kind = new X509Certificate(raw).publicKey.asymmetricKeyType
    return `${socket.getProtocol()} ${socket.getCipher().name} ${kind}`
  } catch (thrown) {
    return (thrown as { code: string }).code
  } finally {
    socket.destroy()
  }
}

async function start(t: Test, rsa?: TlsIdentity) {
  const world = registryWorld(t)
  const listener = settingsFor(world.directory, rsa)
  const node = await world.start({ settings: { managementService: listener } })
  return { world, node, listener }
}

void t.test("X-Road's proxy is served with RSA, everybody else with P-256", async (t) => {
  const { node, world, listener } = await start(t, RSA)
  t.notOk(world.lines.some((line) => line.includes('no RSA certificate')))
  const refused = /^(ERR_SSL_|ECONNRESET)/
  t.equal(await shown(listener, XROAD_PROXY), 'TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384 rsa')
  for (const suite of PROXY_SUITES)
    if (/^ECDHE-.*GCM/.test(suite)) t.equal(await shown(listener, only([suite])), `TLSv1.2 ${suite} rsa`)
    else t.match(await shown(listener, only([suite])), refused, suite)
  t.match(await shown(listener, only(['AES256-GCM-SHA384', 'AES256-SHA256'])), refused, 'RSA without a curve')
  t.match(
    await shown(listener, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' }),
    refused,
  )
  t.match(await shown(listener, only(['ECDHE-ECDSA-AES256-GCM-SHA384'])), / ec$/)
  t.match(await shown(listener, {}), /^TLSv1\.3 .* ec$/, 'a security server of ours')
  t.match(await shown(listener, { sigalgs: 'rsa_pss_rsae_sha256:RSA+SHA256' }), /^TLSv1\.3 .* rsa$/)
  t.match(await shown(listener, { ...XROAD_PROXY, sigalgs: 'RSA+SHA1' }), refused, 'a signature by SHA-1')

  await setUp(node, authority)
  const soap = managementSoap('addressChange', {
    ...{ server: SERVER, id: randomUUID(), fields: '<xroad:address>b.example</xroad:address>' },
  })
  const tls = { ...XROAD_PROXY, ca: RSA.cert }
  const reply = await passOn(listener, signedManagementMessage(soap, owner), { by: managementServer, tls })
  t.equal(reply.status, 200, reply.bytes.toString())
})

void t.test(
  'without an RSA certificate that proxy is refused, and the log says so at the start',
  async (t) => {
    const { world, listener } = await start(t)
    t.match(await shown(listener, XROAD_PROXY), /^(ERR_SSL_|ECONNRESET)/)
    t.ok(world.lines.some((line) => line.includes('they have no RSA certificate')))
  },
)

void t.test('files that do not fit are refused at the start', async (t) => {
  const other = tlsIdentity('registry.example', 2048)
  const bad: [string, TlsIdentity][] = [
    ["another's key", { cert: RSA.cert, key: other.key }],
    ['P-256 twice', tlsIdentity('registry.example')],
    ['a short key', tlsIdentity('registry.example', 1024)],
    ['no certificate', { cert: 'x', key: RSA.key }],
    ['no key', { cert: RSA.cert, key: 'x' }],
  ]
  for (const [what, rsa] of bad)
    await t.rejects(start(t, rsa), { code: 'invalid_configuration', what: /no pair of RSA/ }, what)
  const world = registryWorld(t)
  const listener = settingsFor(world.directory, other)
  writeFileSync(listener.certificateFile, RSA.cert)
  writeFileSync(listener.keyFile, RSA.key, { mode: 0o600 })
  await t.rejects(world.start({ settings: { managementService: listener } }), {
    ...{ code: 'invalid_configuration', what: /has an RSA key itself/ },
  })
})
