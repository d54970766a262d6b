/**
 * What client systems see over HTTPS: the newest internal TLS certificate from the next handshake on;
 * handshakes fail while there is no key.
 */
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import path from 'node:path'
import { connect, getCiphers, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { adminRateLimit, createCounter } from '#platform/http-service/rate-limit.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createAdminListener } from './admin-listener.ts'
import { checkSettings, type Settings } from './config.ts'
import { createWorld, PIN } from './keys/keys-fixture.ts'
import { listenForClients } from './listeners.ts'
import { ownListeners, sharedPorts } from './own-listeners.ts'

const log = createLog({ name: 'test', level: 'silent' })
const world = await createWorld(t)
world.now = Date.now()
const host = '127.83.0.1'
const keys = await world.open({ hostNames: { hostName: 'ss1.example', ipAddresses: [host] } })
const [app] = await listenForClients({ https: { address: host, port: 8443 } }, { keys, log }, (app) => {
  app.get('/', async (request) => {
    const { subject } = (request.raw.socket as TLSSocket).getPeerCertificate()
    return `${subject?.CN ?? 'nobody'}`
  })
})
t.teardown(() => app?.close())

type Handshake = { sha256: string; chain: number; protocol: string | null; error?: string }

/**
 * Makes one handshake. By default the client trusts exactly the certificate that the server presents now, and
 * connects by its address.
 */
function shown(more: object = { ca: keys.internalTls.info().pem }): Promise<Handshake> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 8443, ...more }, () => {
      const certificate = socket.getPeerCertificate(true)
      const sha256 = certificate.fingerprint256.replaceAll(':', '').toLowerCase()
      const chain = certificate.issuerCertificate === certificate ? 1 : 2
      resolve({ sha256, chain, protocol: socket.getProtocol() })
      socket.destroy()
    })
    socket.on('error', (cause) => resolve({ sha256: '', chain: 0, protocol: null, error: cause.message }))
  })
}

function ask(agent: https.Agent, more: object = {}): Promise<{ text: string; reused: boolean }> {
  return new Promise((resolve, reject) => {
    const request = https.get({ host, port: 8443, agent, ...more }, (response) => {
      response.toArray().then((all) => {
        resolve({ text: Buffer.concat(all as Buffer[]).toString(), reused: request.reusedSocket })
      }, reject)
    })
    request.on('error', reject)
  })
}

/**
 * Whether a second connection resumes the TLS session of the first one, after the first one has received all
 * its tickets.
 */
async function resumes(port: number, more: object): Promise<boolean> {
  const once = (session?: Buffer): Promise<{ reused: boolean; session: Buffer | undefined }> =>
    new Promise((resolve, reject) => {
      let last: Buffer | undefined
      const socket = connect({ host, port, rejectUnauthorized: false, ...more, ...(session && { session }) })
      socket.on('session', (given: Buffer) => {
        last = given
      })
      socket.on('error', reject)
      // The server sends session tickets before the answer.
      socket.once('data', () => {
        resolve({ reused: socket.isSessionReused(), session: last ?? socket.getSession() })
        socket.destroy()
      })
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    })
  const { session } = await once()
  return (await once(session)).reused
}

/** Those TLS 1.2 cipher suites of this Node with which a handshake succeeds. */
async function suitesOf(port: number): Promise<string[]> {
  const taken: string[] = []
  for (const name of getCiphers().map((one) => one.toUpperCase())) {
    if (name.startsWith('TLS_')) continue
    const ciphers = `${name}:@SECLEVEL=0`
    if (await speaks(port, { ciphers, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })) taken.push(name)
  }
  return taken
}

function speaks(port: number, more: object): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, rejectUnauthorized: false, ...more }, () => {
      resolve(true)
      socket.destroy()
    })
    socket.on('error', () => resolve(false))
  })
}

async function isStrict(t: Test, port: number): Promise<void> {
  const suites = await suitesOf(port)
  t.ok(suites.length >= 2, suites.join(' '))
  t.same(
    suites.filter((suite) => !/^ECDHE-.*(GCM|CHACHA20)/.test(suite)),
    [],
    'of TLS 1.2 only AEAD suites',
  )
  const { privateKey } = keys.internalTls.identity()!
  const client = {
    cert: keys.internalTls.info().pem,
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }),
  }
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'])
    t.equal(await resumes(port, { ...client, maxVersion }), false, `no session is taken up: ${maxVersion}`)
}

t.test('a certificate as soon as there is a key', async (t) => {
  t.match(await shown({ rejectUnauthorized: false }), { error: /handshake failure/ })
  await keys.initialize(PIN)
  const first = await shown()
  t.match(first, { sha256: keys.internalTls.info().sha256, protocol: 'TLSv1.3' })
  t.equal((await shown({ ca: keys.internalTls.info().pem, maxVersion: 'TLSv1.2' })).protocol, 'TLSv1.2')
  const old = await shown({
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'ALL:@SECLEVEL=0',
  })
  t.ok(old.error, 'TLS 1.1 is refused')
})

t.test('client systems: suites, and no client known by an old session', (t) => isStrict(t, 8443))

t.test('a new certificate is shown to the next connection, and open ones stay', async (t) => {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
  t.teardown(() => agent.destroy())
  t.equal((await ask(agent)).reused, false)
  const before = keys.internalTls.info().sha256
  const renewed = await keys.internalTls.generate()
  t.not(renewed.sha256, before)
  t.equal((await ask(agent)).reused, true, 'the open connection still serves')
  t.equal((await shown()).sha256, renewed.sha256)

  const request = keys.internalTls.request({
    subject: [{ type: 'CN', value: 'ss1' }],
    ipAddresses: [host],
  })
  const { authority } = world
  const certificate = await authority.issue({ request, profile: 'client-system', at: new Date() })
  const pem = (der: Buffer): string =>
    `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`
  await keys.internalTls.importCertificate(
    Buffer.from(pem(certificate.der) + pem(authority.intermediate.der)),
  )
  const issued = await shown({ ca: pem(authority.root.der) })
  t.match(issued, { sha256: certificate.sha256, chain: 2, error: undefined }, 'followed to the root')
  t.equal((await ask(agent)).reused, true)

  const { privateKey } = keys.internalTls.identity()!
  const own = { cert: pem(certificate.der), key: privateKey.export({ format: 'pem', type: 'pkcs8' }) }
  t.equal((await ask(new https.Agent(), { rejectUnauthorized: false, ...own })).text, 'ss1')
  t.equal(
    (await ask(new https.Agent(), { rejectUnauthorized: false })).text,
    'nobody',
    'any or none is taken',
  )
  keys.logout()
  t.equal(
    (await shown({ ca: pem(authority.root.der) })).sha256,
    certificate.sha256,
    'a locked token says so over TLS',
  )
})

t.test('a target that no router reads is refused as all else is', async (t) => {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
  t.teardown(() => agent.destroy())
  const refused = await ask(agent, { path: '/private/%zz' })
  t.match(JSON.parse(refused.text), { type: 'client.invalid_path', detail: /^[0-9a-f-]{36}/ })
  t.notMatch(refused.text, /private/)
  t.equal((await ask(agent)).reused, true)
})

t.test(
  'the management listener speaks HTTPS where it has a certificate, and needs one beyond this machine',
  async (t) => {
    await keys.login(PIN)
    const identity = keys.internalTls.identity()!
    const file = (name: string, text: string | Buffer): string => {
      const at = path.join(world.directory, '..', name)
      writeFileSync(at, text, { mode: 0o600 })
      return at
    }
    const files = {
      certificateFile: file('admin.pem', keys.internalTls.info().pem),
      keyFile: file('admin.key', identity.privateKey.export({ format: 'pem', type: 'pkcs8' })),
    }
    const counter = createCounter(adminRateLimit, Date.now)
    const { app: admin, url } = await createAdminListener(
      { address: host, port: 4000, ...files },
      log,
      counter,
    )
    t.teardown(() => admin.close())
    admin.get('/', async () => 'the console')
    t.equal(await admin.listen({ host, port: 4000 }), url)
    t.equal(url, `https://${host}:4000`)
    const agent = new https.Agent({ rejectUnauthorized: false })
    t.equal((await ask(agent, { port: 4000 })).text, 'the console')
    await isStrict(t, 4000)
    const plain = new Promise((resolve) => http.get({ host, port: 4000 }, resolve).on('error', resolve))
    t.notMatch(await plain, { statusCode: 200 }, 'and nothing else')
    const missing = { address: host, port: 4000, ...files, certificateFile: '/nowhere.pem' }
    await t.rejects(createAdminListener(missing, log, counter), {
      code: 'invalid_configuration',
      what: /nowhere/,
    })
    const { url: without } = await createAdminListener({ address: '::1', port: 4000 }, log, counter)
    t.equal(without, 'http://[::1]:4000')

    const auditing = { contentFourEyes: false, ordersNeedApproval: false, authorities: [] }
    const check = (address: string, more: object = {}) =>
      checkSettings({
        admin: { address, port: 4000, ...more },
        auditing,
        hardwareTokens: [],
        transitTokens: [],
        mandateServices: [],
        tryOuts: { clients: [] },
        workers: 1,
        ...{ database: 'sqlite:/tmp/a', messageLogDatabase: 'sqlite:/tmp/b', messageLogBodies: 'files' },
      })
    for (const address of ['127.0.0.1', '127.0.1.2', '::1', 'localhost']) t.doesNotThrow(() => check(address))
    for (const address of ['0.0.0.0', '::', '10.0.0.20', 'ss1.agency.example', '127.0.0.1.example'])
      t.throws(
        () => check(address),
        { code: 'invalid_configuration', what: /admin\.certificateFile/ },
        address,
      )
    t.doesNotThrow(() => check('0.0.0.0', files))
  },
)

t.test('workers share the port of ACME too, which no certificate names', async (t) => {
  const settings = {
    peers: { address: host, messagePort: 5500, ocspPort: 5577 },
    admin: { address: host, port: 4000 },
    clients: { http: { address: host, port: 8080 } },
    acme: { challenge: { address: '0.0.0.0', port: 80 } },
  } as Settings
  const ports = (list: { port: number }[]): number[] => list.map(({ port }) => port)
  t.strictSame(ports(ownListeners(settings)), [5500, 5577, 4000, 8080])
  t.strictSame(ports(sharedPorts(settings)), [5500, 5577, 4000, 8080, 80])
  const { acme: _, ...without } = settings
  t.strictSame(sharedPorts(without as Settings), ownListeners(settings))
})
