/**
 * What a call of our own system may do: reach it once or not at all, and what becomes of its answer;
 * metadata, quota, edge.
 */
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { parseCertificate } from '#core/certificate/certificate.ts'
import { bake, commonName, newKey } from '#core/certificate/certificate-fixture.ts'
import { parseRestResponse } from '#core/transport/rest-response.ts'
import { idText } from '#schemas/identifiers.ts'
import { until } from '#test/until.ts'
import { bodyOf } from '../peer/peer-fixture.ts'
import { createPeerQuota } from '../peer/peer-quota.ts'
import { pemOf } from '../peer/tls-profile.ts'
import { createServiceClient } from './client.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld, type Question } from './fixture.ts'
import { type Refusal, RefusedExchange } from './refuse.ts'

const made = await createProviderWorld(t)
const { world, rooms, log, system } = made
const service = { ...made.service }
const answer = system.answer
/** For what is silent on purpose. */
const SOON_MS = 1000

t.beforeEach(() => {
  for (const stream of made.sent.splice(0)) stream.destroy()
  world.restore()
  made.service = { ...service }
  system.answer = answer
  system.calls.length = 0
  log.records.length = 0
})

async function refusalOf(promise: Promise<unknown>): Promise<Refusal> {
  const cause = await promise.then(
    () => new Error('it was not refused'),
    (thrown: unknown) => thrown,
  )
  if (!(cause instanceof RefusedExchange)) throw cause
  return cause.refusal
}

/** The status, reason, headers and body size that the peer is told. */
async function told(q: Partial<Question> = {}) {
  await exchange(await made.ask(q), rooms)
  const record = log.records.at(-1)!
  const { status, reason, headers } = parseRestResponse(record.message!)
  await record.body?.discard()
  return {
    status,
    reason,
    headers: headers.map(([name, value]) => `${name.toLowerCase()}: ${value}`),
    body: record.body,
  }
}

t.test('an answer is taken as it came, without what HTTP alone needs', async (t) => {
  const zipped = gzipSync('hello')
  system.answer = (request, response) => {
    request.resume()
    response.writeHead(
      302,
      'Elsewhere',
      [
        ['Location', 'http://127.0.0.1:1/'],
        ['Content-Encoding', 'gzip'],
        ['Content-Length', String(zipped.length)],
        ['Connection', 'close, X-Hop'],
        ['X-Hop', 'not for others'],
        ['Keep-Alive', 'timeout=1'],
        ['Server', 'x'],
        ['X-Road-Request-Hash', 'forged'],
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
        ['X-Latin', 'é'],
      ].flat(),
    )
    response.end(zipped)
  }
  const reply = await told()
  t.match(
    reply,
    { status: 302, reason: 'Elsewhere', body: { size: zipped.length } },
    'redirects are not followed, bodies not decoded',
  )
  t.ok(reply.body?.bytes?.equals(zipped))
  const ours = reply.headers.filter((line) => !/^x-road-|^date/.test(line))
  t.strictSame(ours, [
    'location: http://127.0.0.1:1/',
    'content-encoding: gzip',
    'set-cookie: a=1',
    'set-cookie: b=2',
    'x-latin: é',
  ])
  t.equal(reply.headers.filter((line) => line.startsWith('x-road-request-hash')).length, 1)

  for (const status of [204, 205, 304]) {
    system.answer = (_request, response) => response.writeHead(status).end()
    t.match(await told(), { status, body: undefined }, `${status} has no entity`)
  }
  system.answer = (_request, response) => response.writeHead(200, { 'content-length': 5 }).end()
  t.match(await told({ method: 'HEAD' }), { status: 200, body: undefined })
  system.answer = (_request, response) => response.writeHead(200, { 'content-length': 0 }).end()
  t.match(await told(), { status: 200, body: { size: 0 } })
  system.answer = (request, response) => void request.toArray().then((all) => response.end(`${all.length}`))
  const { body } = await told({ method: 'GET', headers: ['Content-Type', 'x/y'] })
  t.equal(body?.bytes?.toString(), '0')
})

t.test('what fails before the system heard of it is a refusal; after that nobody knows', async (t) => {
  const self = http.createServer((_request, response) => response.end())
  const own = await listenOn(t, self)
  let asked = 0
  self.on('connection', () => asked++)
  const tls = https.createServer(tlsOf(), (_request, response) => response.end())
  const secure = await listenOn(t, tls)
  const guarded = createServiceClient({
    connectTimeoutMs: 60_000,
    connectionsPerService: 4,
    own: [{ host: '127.0.0.1', port: own }],
  })
  t.teardown(() => guarded.close())
  const before: [string, string, string, RegExp?][] = [
    ['nobody listens', 'http://127.0.0.1:1', 'service_failed', /refused the connection/],
    ['no such host', 'http://no-such-host.invalid', 'service_failed', /name is not known/],
    ['an unknown CA', `https://127.0.0.1:${secure}`, 'service_certificate_untrusted', /issued by nobody/],
    ['no TLS there', service.url.replace('http:', 'https:'), 'service_failed', /does not speak TLS/],
    ['our own listener', `http://127.0.0.1:${own}`, 'service_malformed_url'],
    ['our own listener by name', `http://localhost:${own}`, 'service_malformed_url'],
    ['this host', `http://0.0.0.0:${own}`, 'service_malformed_url'],
    ['an address without scheme', 'ftp://x', 'service_malformed_url'],
    ['no address', '', 'service_missing_url'],
  ]
  for (const [what, url, code, why = /^/] of before) {
    made.service = { ...service, url }
    log.records.length = 0
    const refusal = await refusalOf(exchange(await made.ask(), { ...rooms, serviceClient: guarded }))
    t.equal(refusal.fault.code, code, `${what}: ${refusal.fault.what} ${refusal.fault.cause}`)
    t.match(refusal.fault.what ?? '', why, what)
    t.strictSame(log.told(), ['request:', `refusal:${code}`], what)
    t.ok(refusal.signatures, 'signed')
  }

  t.equal(asked, 0, 'nobody learns which ports are open where no service may lie')
  made.service = { ...service }
  const after: [string, http.RequestListener, string][] = [
    ['it closes', (request) => request.socket.destroy(), 'service_failed'],
    ['no HTTP', (request) => void request.socket.end('SSH-2.0\r\n\r\n'), 'service_failed'],
    [
      'a head without end',
      (_request, response) => response.writeHead(200, { x: 'x'.repeat(100_000) }).end(),
      'service_failed',
    ],
    [
      'a status that is none',
      (request) => void request.socket.end('HTTP/1.1 999 X\r\ncontent-length: 0\r\n\r\n'),
      'service_failed',
    ],
    [
      'a forbidden header value',
      (request) => void request.socket.end('HTTP/1.1 200 OK\r\nx: a\x85b\r\ncontent-length: 0\r\n\r\n'),
      'service_failed',
    ],
    [
      'another coding',
      (request) =>
        void request.socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n'),
      'service_failed',
    ],
    ['too much', (_request, response) => response.end(randomBytes(1_100_000)), 'reply_too_large'],
    [
      'cut off',
      (_request, response) => {
        response.writeHead(200, { 'content-length': 300_000 })
        response.write(randomBytes(200_000), () => response.destroy())
      },
      'service_failed',
    ],
    ['silence', () => undefined, 'service_timeout'],
    [
      'silence in the body',
      (_request, response) => void response.writeHead(200).write('x'),
      'service_timeout',
    ],
  ]
  for (const [what, how, code] of after) {
    system.answer = how
    system.calls.length = 0
    log.records.length = 0
    made.service = code === 'service_timeout' ? { ...service, timeoutMs: SOON_MS } : { ...service }
    const refusal = await refusalOf(exchange(await made.ask(), rooms))
    t.equal(refusal.fault.code, code, `${what}: ${refusal.fault.what} ${refusal.fault.cause}`)
    t.strictSame(log.told(), ['request:', `outcome-unknown:${code}`], what)
    t.equal(refusal.signatures, undefined, 'nothing signed says that it was not carried out')
    await until('its one attempt', (saw) => saw(system.calls.length) > 0)
    t.equal(system.calls.length, 1, 'one attempt')
  }
  t.strictSame(world.bodyFiles(), [])
})

t.test('a system that takes nothing of its request', async (t) => {
  const limits = { ...rooms.limits, maxBodyBytes: 30_000_000 }
  const answers: [string, http.RequestListener, string][] = [
    ['no answer', () => undefined, 'outcome-unknown:service_timeout'],
    ['an answer at once', (_request, response) => response.end('no, thanks'), 'reply:ok'],
    [
      'the half of one',
      (_request, response) => void response.writeHead(200, { 'content-length': 9 }).write('x'),
      'outcome-unknown:service_timeout',
    ],
    [
      'notices without end',
      (_request, response) => {
        const timer = setInterval(() => response.writeContinue(), 2)
        response.once('close', () => clearInterval(timer))
      },
      'outcome-unknown:service_failed',
    ],
  ]
  for (const [what, how, outcome] of answers) {
    system.answer = how
    log.records.length = 0
    made.service = outcome.endsWith('service_timeout') ? { ...service, timeoutMs: SOON_MS } : { ...service }
    const body = await bodyOf(world, randomBytes(24_000_000))
    const arrival = await made.ask({ method: 'POST', body })
    await exchange(arrival, { ...rooms, limits }).catch((cause: unknown) =>
      t.ok(cause instanceof RefusedExchange),
    )
    t.strictSame(log.told(), ['request:', outcome], what)
    for (const { body } of log.records) await body?.discard()
    await body.discard()
  }
  for (const call of system.calls) call.on('error', () => undefined).resume()
  const open = (): number => system.calls.filter(({ socket }) => !socket.destroyed).length
  await until('the end of each connection', (saw) => saw(open()) === 0)
  for (const { complete } of system.calls) t.notOk(complete, 'what was not taken does not come any more')
  t.strictSame(world.bodyFiles(), [])
})

t.test('the certificate of a service is the one that was registered', async (t) => {
  const options = tlsOf()
  const port = await listenOn(
    t,
    https.createServer(options, (_request, response) => response.end('secure')),
  )
  const url = `https://localhost:${port}`
  made.service = { ...service, url, trustedCertificates: [options.cert] }
  t.equal((await told()).body?.bytes?.toString(), 'secure', 'whatever host it names')
  made.service = { ...service, url, trustedCertificates: [pemOf(world.authority.tsa)] }
  await refusalOf(exchange(await made.ask(), rooms))
  made.service = { ...service, url, trustedCertificates: [pemOf(world.authority.intermediate)] }
  await refusalOf(exchange(await made.ask(), rooms))
  t.equal(log.told().at(-1), 'refusal:service_certificate_untrusted', 'one of a CA names its host')
  made.service = { ...service, url }
  await refusalOf(exchange(await made.ask(), rooms))
  made.service = { ...service, url, verifyTls: false }
  t.equal((await told()).status, 200, 'the operator may go without')
  const key = newKey()
  const ended = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2021-01-01T00:00:00Z') }
  const old = pemOf(parseCertificate(bake({ key, subject: commonName('localhost'), ...ended })))
  const pair = { key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }), cert: old }
  const late = await listenOn(t, https.createServer(pair))
  made.service = { ...service, url: `https://localhost:${late}`, trustedCertificates: [old] }
  const { fault } = await refusalOf(exchange(await made.ask(), rooms))
  t.match(fault, { code: 'service_certificate_untrusted', what: /has run out/ }, 'a registered one')
})

/** A certificate for ss.example, issued by a CA that the machine does not know. */
function tlsOf(): { key: string; cert: string } {
  const { certificate, privateKey } = world.provider.keys.authenticationIdentity()
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, cert: pemOf(certificate) }
}

async function listenOn(t: Test, server: http.Server | https.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

t.test('a service by HTTPS sees the certificate that our own systems know, always the newest', async (t) => {
  const { internalTls } = world.provider.keys
  const seen: string[] = []
  const options = { ...tlsOf(), requestCert: true, rejectUnauthorized: false }
  const port = await listenOn(
    t,
    https.createServer(options, (request, response) => {
      const { fingerprint256 = 'none' } = (request.socket as TLSSocket).getPeerCertificate()
      seen.push(fingerprint256.replaceAll(':', '').toLowerCase())
      response.end('secure')
    }),
  )
  made.service = { ...service, url: `https://localhost:${port}`, verifyTls: false }
  const first = internalTls.info().sha256
  t.equal((await told()).status, 200)
  const next = (await internalTls.generate()).sha256
  t.equal((await told()).status, 200)
  t.strictSame(seen, [first, next])
  const nobody = createServiceClient({ connectTimeoutMs: 60_000, connectionsPerService: 1 })
  t.teardown(() => nobody.close())
  await exchange(await made.ask(), { ...rooms, serviceClient: nobody })
  t.equal(seen.at(-1), 'none', 'without a key of ours nothing is presented')
})

t.test('metadata services', async (t) => {
  const path = '/r1/DEV/GOV/2000/population'
  for (const [target, expected] of [
    ['listMethods', /"service_code":"persons"/],
    ['allowedMethods', /"path":"\/a"/],
    ['getOpenAPI?serviceCode=persons', /openapi: 3\.1\.0/],
  ] as const) {
    const reply = await exchange(
      await made.ask({ target: `${path}/${target}`, headers: ['Content-Encoding', 'x'] }),
      rooms,
    )
    t.match(reply.content.toString(), expected)
    t.notMatch(reply.content.toString(), /content-encoding/i)
  }
  const wrong: [string, Partial<Question>, string][] = [
    ['listMethods', { method: 'POST' }, 'invalid_http_method'],
    ['listMethods/x', {}, 'invalid_http_method'],
    ['getOpenAPI', {}, 'invalid_request'],
    ['getOpenAPI?serviceCode=x', {}, 'unknown_service'],
  ]
  for (const [target, q, code] of wrong) {
    log.records.length = 0
    const refusal = await refusalOf(exchange(await made.ask({ ...q, target: `${path}/${target}` }), rooms))
    t.equal(refusal.fault.code, code)
    t.ok(refusal.signatures, 'no system was asked: a refusal')
    t.strictSame(log.told(), ['request:', `refusal:${code}`])
  }
  t.equal(system.calls.length, 0)
})

t.test('the quota of a peer comes back on every path', async (t) => {
  const held: Socket[] = []
  system.answer = ({ socket }) => void held.push(socket)
  const running = [1, 2].map(async () => refusalOf(exchange(await made.ask(), rooms)))
  await until('both calls', (saw) => saw(held.length) === 2)
  log.records.length = 0
  const over = await refusalOf(exchange(await made.ask(), rooms))
  t.equal(over.fault.code, 'too_many_requests')
  t.strictSame(log.told(), [], 'what is over the quota does not fill the log')
  for (const socket of held) socket.destroy()
  for (const { fault } of await Promise.all(running)) t.equal(fault.code, 'service_failed')
  system.answer = answer
  for (let i = 0; i < 5; i++) await exchange(await made.ask(), rooms)

  let now = 0
  const quota = createPeerQuota({ perSecond: 0.5, burst: 0.5, underWay: 10, clock: () => now })
  const id = world.consumer.id
  const leave = quota.enter(id)
  leave()
  leave()
  t.throws(() => quota.enter(id), { code: 'too_many_requests', what: idText(id) })
  quota.enter(world.second.id)
  now = 2_000
  quota.enter(id)
})
