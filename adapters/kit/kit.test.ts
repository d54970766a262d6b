/**
 * What every adapter has of the kit: who is let in, what it says of itself, what it logs, and how wrong
 * settings are told.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { Agent } from 'undici'
import { issueCertificate } from '#certs/ca/issue-certificate.ts'
import { PROFILES } from '#certs/profiles.ts'
import { answer } from '#platform/http-service/answer.ts'
import { readOperations } from '#platform/http-service/openapi-operations.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { selfSignedCertificate } from '#security-server/keys/self-signed.ts'
import { certificatePem } from '#security-server/local-systems/view.ts'
import { until } from '#test/until.ts'
import type { Adapter } from './adapter.ts'
import { askAt, emptyFolder, ownAddress, startAdapter } from './kit-fixture.ts'
import { openApiDocument } from './openapi-document.ts'
import { readSettings, serveAdapter } from './serve-adapter.ts'
import { type KitSettings, kitProperties } from './settings.ts'

let closed = 0

const things: Adapter<KitSettings> = {
  name: 'things',
  prefix: 'THINGS_ADAPTER',
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['listen', 'service'],
    properties: kitProperties,
  },
  check: () => undefined,
  describe: () => [
    {
      id: 'getThing',
      path: '/things/{id}',
      summary: 'One thing',
      parameters: [
        { name: 'id', in: 'path', required: true, schema: { type: 'string', maxLength: 10 } },
        { name: 'size', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 5 } },
      ],
      answer: { type: 'object', properties: { id: { type: 'string' } } },
      mayMiss: true,
    },
  ],
  open: async () => ({
    handlers: {
      getThing: async ({ params }) => {
        if (params['id'] === 'away') throw new Fault('source_unavailable')
        if (params['id'] === 'broken') throw new Error('PRIVATE')
        if (params['id'] === 'header') return answer({}, { headers: { 'x-more': 'PRIVATE\nSTATE' } })
        return answer({ id: params['id'] })
      },
    },
    health: { things: () => ({ ok: closed === 0, reason: 'closed' }) },
    close: async () => {
      closed++
    },
  }),
}

t.test('what it answers, says of itself and logs', async (t) => {
  closed = 0
  const { ask, monitor, lines, stop, url } = await startAdapter(t, things, { settings: {} })
  const headers = { 'x-road-id': 'abc-1', 'x-road-client': 'DEV/GOV/1002/tax', 'x-road-userid': 'EE1234' }
  t.match(await ask('/things/one?size=3', headers), { status: 200, body: { id: 'one' } })
  for (const wrong of [
    '/things/one?size=0',
    '/things/one?size=x',
    '/things/one?other=1',
    '/things/elevenchars',
  ])
    t.match(await ask(wrong), { status: 400, body: { type: 'invalid_input' } }, wrong)
  t.match(await ask('/nothing'), { status: 404 })
  t.match(await ask('/health/live'), { status: 404 }, 'monitoring is not part of the service')
  const away = await ask('/things/away')
  t.match(away, { status: 503, headers: { 'retry-after': '5' }, body: { type: 'source_unavailable' } })
  const broken = await ask('/things/broken')
  t.match(broken, { status: 500, body: { type: 'internal_error' } })
  t.notMatch(broken.text, /PRIVATE/)

  const document = (await ask('/openapi.json')).body as ReturnType<typeof openApiDocument>
  t.match(document, { openapi: '3.1.0', servers: [{ url }], info: { title: 'Service for tests' } })
  t.notMatch(JSON.stringify(document), /x-roles/)
  t.match((await monitor('/health/live')).body, { live: true })
  t.match(await monitor('/health/ready'), {
    status: 200,
    body: { ready: true, checks: [{ name: 'things' }] },
  })
  const metrics = (await monitor('/metrics')).text
  t.match(metrics, 'concordat_adapter_requests_total{route="/things/:id",status="200"} 1')
  t.match(metrics, 'concordat_adapter_request_seconds_count{route="/things/:id"} 7')

  await stop()
  t.equal(closed, 1)
  const requests = lines.filter((line) => line.includes('"msg":"request"'))
  t.match(JSON.parse(requests[0]!), {
    ...{ method: 'GET', route: '/things/:id', status: 200, xRoadId: 'abc-1', client: 'DEV/GOV/1002/tax' },
  })
  t.match(JSON.parse(requests.find((line) => line.includes('"status":503'))!), {
    fault: 'source_unavailable',
    detail: /.{36}/,
  })
  t.notMatch(requests.join(''), /EE1234|elevenchars|size/)
})

t.test('a header that cannot be written is a failure of its own request alone', async (t) => {
  const { ask, lines } = await startAdapter(t, things, { settings: {} })
  const [failed, beside] = await Promise.all([ask('/things/header'), ask('/things/one')])
  t.match(failed, { status: 500 })
  t.notMatch(failed.text, /PRIVATE/)
  t.match(beside, { status: 200 })
  t.match(await ask('/things/one'), { status: 200 })
  await until('its line', () => lines.some((line) => line.includes(`"status":500`)))
})

t.test('the document is one that the own code reads, and its address may have a path', async (t) => {
  const { ask, url } = await startAdapter(t, things, { settings: {}, base: '/base' })
  t.match(await ask('/base/things/one'), { status: 200 })
  t.match(await ask('/base/openapi.json'), { status: 200, body: { servers: [{ url: `${url}/base` }] } })
  t.match(await ask('/things/one'), { status: 404 })
  const settings = { listen: { address: '::1' }, service: { code: 'c', title: 't' } }
  const document = openApiDocument(
    await readSettings(things, fileOf(t, settings), {}),
    await things.describe({} as KitSettings),
  )
  t.match(document, { servers: [{ url: 'http://[::1]:9443' }] })
  t.match(readOperations(document), [{ id: 'getThing', method: 'GET', url: '/things/:id' }])
})

function fileOf(t: Test, settings: object | string): string {
  const file = path.join(emptyFolder(t), 'adapter.yaml')
  writeFileSync(file, typeof settings === 'string' ? settings : JSON.stringify(settings))
  return file
}

/**
 * A certificate of `name` that `issuer` issued, each with its key; both certify themselves when they are the
 * same.
 */
async function issued(
  folder: string,
  name: string,
  issuer?: { name: string; privateKey: KeyObject; publicKey: KeyObject },
) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const by = issuer ?? { name, privateKey, publicKey }
  const { der } = await issueCertificate({
    subject: [['CN', name]],
    publicKey,
    profile: PROFILES.authentication,
    issuer: { ...by, name: [['CN', by.name]] },
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
  })
  const key = String(privateKey.export({ format: 'pem', type: 'pkcs8' }))
  writeFileSync(path.join(folder, `${name}.pem`), certificatePem(der))
  return { name, privateKey, publicKey, key, certificate: certificatePem(der) }
}

/** A key with a certificate that it signed itself, valid for 20 years from `at`. */
function identity(
  folder: string,
  name: string,
  address: string,
  at = new Date(),
  { privateKey }: { privateKey: KeyObject } = generateKeyPairSync('ec', { namedCurve: 'P-256' }),
) {
  const names = { hostName: name, ipAddresses: [address] }
  const certificate = certificatePem(selfSignedCertificate({ privateKey, names, at }))
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' })
  const [certificateFile, keyFile] = ['pem', 'key'].map((end) => path.join(folder, `${name}.${end}`)) as [
    string,
    string,
  ]
  writeFileSync(certificateFile, certificate)
  writeFileSync(keyFile, key, { mode: 0o600 })
  return { certificate, key: String(key), certificateFile, keyFile }
}

t.test("X-Road's proxy calls an adapter with an RSA certificate, and none with another", async (t) => {
  const folder = emptyFolder(t)
  const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 })
  const addresses = [ownAddress(), ownAddress()] as const
  const server = identity(folder, 'xroad', addresses[0], new Date(), rsa())
  const own = [
    identity(folder, 'rsa', addresses[0], new Date(), rsa()),
    identity(folder, 'p256', addresses[1]),
  ] as const
  const ask = async (at: 0 | 1, offer: object): Promise<number> => {
    const connect = { ca: own[at].certificate, cert: server.certificate, key: server.key, ...offer }
    const dispatcher = new Agent({ connect })
    try {
      return (await askAt(`https://${addresses[at]}:9443/things/one`, dispatcher)).status
    } finally {
      await dispatcher.destroy()
    }
  }
  for (const at of [0, 1] as const) {
    const { certificateFile, keyFile } = own[at]
    const address = addresses[at]
    const settings = {
      listen: { address, certificateFile, keyFile, clientCertificateFile: server.certificateFile },
      ...{ monitoring: { address }, service: { code: 'c', title: 't' } },
    }
    const log = createLog({ name: 'test', level: 'silent' })
    const running = await serveAdapter(things, await readSettings(things, fileOf(t, settings), {}), log)
    t.teardown(running.stop)
  }
  const suites = ['ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES256-GCM-SHA384', 'DHE-RSA-AES128-GCM-SHA256']
  const proxy = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers: suites.join(':') }
  t.equal(await ask(0, proxy), 200)
  t.equal(await ask(0, {}), 200, 'and anybody else by it')
  await t.rejects(ask(1, proxy), /handshake failure|ssl/i)
  t.equal(await ask(1, {}), 200)
})

t.test('only the own security server is let in', async (t) => {
  const folder = emptyFolder(t)
  const address = ownAddress()
  const own = identity(folder, 'adapter', address)
  const [server, newer, stranger] = ['server', 'newer', 'stranger'].map((name) =>
    identity(folder, name, address),
  ) as [ReturnType<typeof identity>, ReturnType<typeof identity>, ReturnType<typeof identity>]
  const authority = await issued(folder, 'authority')
  const certified = await issued(folder, 'certified', authority)
  const neighbour = await issued(folder, 'neighbour', authority)
  const ended = identity(folder, 'ended', address, new Date('2000-01-01'))
  const clientCertificateFile = path.join(folder, 'clients.pem')
  writeFileSync(
    clientCertificateFile,
    [server, newer, ended, certified, authority].map(({ certificate }) => certificate).join('\n'),
  )
  const { certificateFile, keyFile } = own
  const settings = {
    listen: { address, certificateFile, keyFile, clientCertificateFile },
    monitoring: { address },
    service: { code: 'c', title: 't' },
  }
  const lines: string[] = []
  const log = createLog({ name: 'test', destination: { write: (line) => void lines.push(line) } })
  const running = await serveAdapter(things, await readSettings(things, fileOf(t, settings), {}), log)
  t.teardown(running.stop)
  const askAs = async (client: { certificate: string; key: string } | undefined) => {
    const shown = client === undefined ? {} : { cert: client.certificate, key: client.key }
    const dispatcher = new Agent({ connect: { ca: own.certificate, ...shown } })
    try {
      return await askAt(`https://${address}:9443/things/one`, dispatcher)
    } finally {
      await dispatcher.destroy()
    }
  }
  t.match(await askAs(server), { status: 200 })
  t.match(await askAs(newer), { status: 200 }, 'while the server changes its certificate there are two')
  t.match(await askAs(certified), { status: 200 }, 'one that an authority issued')
  for (const [client, why] of [
    [authority, /not among those/],
    [neighbour, /not among those/],
    [undefined, /showed no certificate/],
    [stranger, /not among those/],
    [ended, /not valid now/],
    // Its own certificate is known to everybody who connects.
    [own, /not among those/],
  ] as const) {
    const before = lines.length
    await t.rejects(askAs(client), why.source)
    t.match(lines.slice(before).join(''), why)
  }
  t.equal(
    lines.filter((line) => line.includes('"msg":"request"')).length,
    3,
    'no request of a stranger was read',
  )
  const plain = new Agent()
  await t.rejects(askAt(`http://${address}:9443/things/one`, plain), 'no plain HTTP beside it')
  await plain.destroy()
})

t.test('settings that are wrong are told with file and place', async (t) => {
  const folder = emptyFolder(t)
  const address = ownAddress()
  const { certificateFile, keyFile } = identity(folder, 'adapter', address)
  const service = { code: 'c', title: 't' }
  const wrong: [settings: object | string, what: RegExp][] = [
    ['', /listen is missing/],
    ['listen: {}\nservice: { code: c, title: t }\nlisten: {}', /yaml:3:1: Map keys must be unique/],
    [
      'listen: {}\nservice:\n  code: c\n  title: t\n  tilte: t\n',
      /yaml:5:10: there is no setting service.tilte/,
    ],
    ['listen:\n  port: 70000\nservice: { code: c, title: t }', /yaml:2:9: listen.port must be <= 65535/],
    [
      'listen:\n  address: 0.0.0.0\nservice: { code: c, title: t }',
      /yaml:2:12: listen.address is not a loopback address/,
    ],
    ['listen:\n  address: "::"\nservice: { code: c, title: t }', /listen.address is not a loopback address/],
    [{ listen: { certificateFile, keyFile }, service }, /clientCertificateFile/],
    [{ listen: { clientCertificateFile: certificateFile }, service }, /certificateFile/],
    [
      { listen: {}, monitoring: { address: '10.0.0.1' }, service },
      /monitoring.address is not a loopback address/,
    ],
    [{ listen: {}, service: { ...service, url: 'https://a.example' } }, /service.url must begin with http:/],
    [{ listen: {}, service: { ...service, url: 'http://user@a.example' } }, /service.url must match/],
    [{ listen: {}, service, logLevel: 'loud' }, /logLevel must be equal to one of the allowed values/],
  ]
  for (const [settings, what] of wrong) {
    const file = fileOf(t, settings)
    const thrown = await readSettings(things, file, {}).catch((one: unknown) => one)
    t.match(thrown, { code: 'invalid_configuration', what }, what.source)
    t.match((thrown as Fault).what, file)
  }
  const unknown = { THINGS_ADAPTER_LISTN: 'x' }
  await t.rejects(readSettings(things, fileOf(t, { listen: {}, service }), unknown), /THINGS_ADAPTER_LISTN/)
  const starting = async (listen: object) => {
    const settings = { listen: { address, ...listen }, monitoring: { address }, service }
    const log = createLog({ name: 'test', level: 'silent' })
    return serveAdapter(things, await readSettings(things, fileOf(t, settings), {}), log)
  }
  const openKey = path.join(folder, 'open.key')
  writeFileSync(openKey, 'x', { mode: 0o644 })
  for (const [listen, what] of [
    [
      { certificateFile, keyFile: openKey, clientCertificateFile: certificateFile },
      /open.key can be read by others/,
    ],
    [{ certificateFile, keyFile, clientCertificateFile: keyFile }, /holds no PEM certificate/],
    [{ certificateFile, keyFile, clientCertificateFile: '/nowhere.pem' }, /nowhere.pem cannot be read/],
  ] as const)
    await t.rejects(starting(listen), { code: 'invalid_configuration', what })
})
