import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { until } from '#test/until.ts'
import { createAddressOf } from './behind-proxy.ts'
import type { HttpServiceOptions } from './create-http-service.ts'
import { createHttpService } from './create-http-service.ts'
import { toFault } from './fault-answer.ts'
import { createCounter } from './rate-limit.ts'
import { endUntaken } from './watch-taking.ts'

const lines: string[] = []
const log = createLog({ name: 'test', destination: { write: (line) => lines.push(line) } })
const service = (more: Partial<HttpServiceOptions> = {}): FastifyInstance =>
  createHttpService({ name: 'test', log, ...more })

/** Short times are for those who do not go on: a busy machine is late with what is whole, too. */
const HASTY = { headersTimeoutMs: 300, requestTimeoutMs: 600 }

async function listen(t: Tap, app: FastifyInstance): Promise<number> {
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  return (app.server.address() as AddressInfo).port
}
type Tap = { teardown(act: () => unknown): void }

/** Sends the bytes unchanged and returns everything that comes back until the server closes. */
function raw(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let got = ''
    socket.on('data', (data) => {
      got += data.toString('latin1')
    })
    socket.on('close', () => resolve(got))
    socket.on('error', reject)
  })
}

t.test('whoever expects what nobody knows is answered as usual', async (t) => {
  const app = service()
  app.post('/things', async (request) => ({ got: request.body }))
  const port = await listen(t, app)
  const head = 'POST /things HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n'
  const answered = await raw(port, `${head}Content-Length: 2\r\nExpect: miracles\r\n\r\n{}`)
  t.match(answered, /^HTTP\/1.1 200 OK[\s\S]*\{"got":\{\}\}$/)
})

t.test('every failure has the same shape and tells nothing internal', async (t) => {
  const app = service()
  app.get('/things/:id', async () => {
    throw new Fault('conflict', { what: 'exists', cause: new Error('SECRET sql') })
  })
  app.get('/crash', async () => {
    throw new Error('SECRET path /etc')
  })
  app.post('/things/:id', async (request) => ({ got: request.body }))
  app.put('/things/refresh', async () => ({}))
  await app.ready()
  const inEstonian = { url: '/things/1', headers: { 'accept-language': 'et-EE, en;q=0.5' } }
  t.match(
    (await app.inject(inEstonian)).json<{ message: string }>().message,
    /^See on vastuolus .* \(exists\)\. /,
  )
  const post = { method: 'POST' as const, url: '/things/1' }
  const json = { 'content-type': 'application/json' }
  const cases = [
    [await app.inject('/things/1'), 409, 'conflict'],
    [await app.inject('/crash'), 500, 'internal_error'],
    [await app.inject('/nowhere'), 404, 'not_found'],
    [await app.inject({ method: 'DELETE', url: '/things/1?x=1' }), 405, 'method_not_allowed'],
    [await app.inject({ method: 'QUERY' as 'GET', url: '/things/1' }), 405, 'method_not_allowed'],
    [await app.inject({ ...post, headers: json, payload: '{"a":' }), 400, 'malformed_json'],
    [
      await app.inject({ ...post, headers: json, payload: Buffer.from([0x22, 0xff, 0x22]) }),
      400,
      'malformed_json',
    ],
    [
      await app.inject({ ...post, headers: json, payload: `"${'x'.repeat(51 * 1024)}"` }),
      413,
      'body_too_large',
    ],
    [await app.inject('/things/%zz'), 400, 'invalid_path'],
  ] as const
  for (const [reply, status, type] of cases) {
    t.equal(reply.statusCode, status, type)
    t.match(reply.json(), { type, message: /./, detail: /^[0-9a-f-]{36}$/ })
    t.equal(reply.headers['x-road-error'], type)
    t.notMatch(reply.body, /SECRET/)
    t.ok(
      lines.some((line) => line.includes(reply.json<{ detail: string }>().detail)),
      'the detail id is in the log',
    )
  }
  t.equal(cases[3][0].headers['allow'], 'GET, HEAD, POST')
  const ofOne = await app.inject({ method: 'DELETE', url: '/things/refresh' })
  t.match(ofOne, { statusCode: 405, headers: { allow: 'PUT' } }, 'not what /things/:id takes')
  const head = await app.inject({ method: 'HEAD', url: '/nowhere' })
  t.match(head, { statusCode: 404, headers: { 'x-road-error': 'not_found' } })
  t.notOk(cases[0][0].headers['server'])
  t.equal(cases[0][0].headers['x-content-type-options'], 'nosniff')
  await app.close()
  const peer = service({ origin: 'server.serverproxy' })
  t.match((await peer.inject('/nowhere')).json(), { type: 'server.serverproxy.not_found' })
})

t.test(
  'what HTTP itself refuses: in the same shape, on a closed connection, and the service lives',
  async (t) => {
    const apps = [service(), service(HASTY)] as const
    for (const app of apps) app.post('/', async () => 'ok').get('/', async () => 'ok')
    const [port, hastyPort] = [await listen(t, apps[0]), await listen(t, apps[1])]
    const hostile: [string, RegExp][] = [
      ['nonsense\r\n\r\n', /^HTTP\/1.1 400 .*"type":"invalid_request"/s],
      [
        `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`,
        /^HTTP\/1.1 431 .*"type":"headers_too_large"/s,
      ],
      ['GET / HTTP/1.1\r\nHost: a\r\n', /^HTTP\/1.1 408 .*"type":"request_timeout"/s],
      [
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nx',
        /^HTTP\/1.1 408 /,
      ],
      [
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        /^HTTP\/1.1 400 /,
      ],
      ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx', /^HTTP\/1.1 400 /],
      ['\x16\x03\x01\x02\x00\x01\x00', /^HTTP\/1.1 400 /],
    ]
    const portFor = (expected: RegExp): number => (/408/.test(expected.source) ? hastyPort : port)
    const answers = await Promise.all(hostile.map(([bytes, expected]) => raw(portFor(expected), bytes)))
    for (const [i, [bytes, expected]] of hostile.entries()) t.match(answers[i], expected, bytes.slice(0, 60))
    t.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'ok')
  },
)

t.test('who was told that a request is broken keeps no place, whatever still comes', async (t) => {
  let carriedOut = 0
  const apps = [service(), service(HASTY)].map((app) => app.post('/', async () => void carriedOut++))
  const ports = [await listen(t, apps[0]!), await listen(t, apps[1]!)]
  const begun = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n'
  const hostile: Record<string, [begin: string, answer: RegExp, more: (at: number) => string]> = {
    'goes on with its head': [begun, / 408 /, () => 'X: y\r\n'],
    'goes on with its body': [begun.replace('5', '500000'), / 408 /, (at) => (at === 0 ? '\r\n' : 'x')],
    'sends the rest after all': [`${begun}\r\n1`, / 408 /, () => '2345'],
    'sends nothing and does not close': ['nonsense\r\n\r\n', / 400 /, () => ''],
  }
  for (const [what, [begin, answer, more]] of Object.entries(hostile)) {
    const which = answer.test(' 408 ') ? 1 : 0
    const taken = once(apps[which]!.server, 'connection')
    const port = ports[which]!
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => client.write(begin))
    client.on('error', () => undefined)
    const [place] = await taken
    const closed = new Promise((resolve) => place.once('close', resolve))
    t.match(String(await once(client, 'data')), answer, what)
    let at = 0
    const timer = setInterval(() => client.write(more(at++)), 10)
    await closed
    clearInterval(timer)
    client.destroy()
  }
  t.equal(carriedOut, 0)
})

t.test('who reads nothing of an answer, or hardly, does not hold it for ever', async (t) => {
  const app = service()
  app.get('/slow', (_request, reply) => {
    reply.hijack().raw.write('it goes on')
  })
  app.get('/large', async () => Buffer.alloc(24_000_000))
  const port = await listen(t, app)
  const openConnections = promisify(app.server.getConnections.bind(app.server))
  const asked = async () => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n'))
    await once(socket, 'readable')
    return socket.on('error', () => undefined)
  }
  const patient = connect(port, '127.0.0.1', () => patient.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n'))
  await once(patient, 'data')
  endUntaken(performance.now())
  endUntaken(performance.now() + 3_600_000)
  await wait(20)
  t.notOk(patient.destroyed, 'who has taken all may wait for more')
  patient.destroy()
  await until('the end of the patient one', async (saw) => saw(await openConnections()) === 0)
  const silent = await asked()
  const now = performance.now()
  let hour = 0
  // Bytes in the operating system's buffers count as taken, until the buffers are full.
  await until('the end of what nobody takes', async () => {
    endUntaken(now + hour++ * 3_600_000)
    return (await openConnections()) === 0
  })
  const reader = await asked()
  // By the true time, as the service itself may have looked meanwhile.
  endUntaken(performance.now())
  endUntaken(performance.now() + 50_000)
  reader.on('data', () => undefined)
  while (reader.bytesRead < 24_000_000) await once(reader, 'data')
  endUntaken(now + 72_000_000_000)
  await wait(20)
  t.notOk(reader.destroyed, 'an answer that was taken is no matter any more')
  reader.destroy()
  silent.resume()
  if (!silent.closed) await once(silent, 'close')
  t.ok(silent.bytesRead < 24_000_000)
})

t.test('who takes one large answer steadily, 1.7 KB a second, gets all of it', async (t) => {
  const app = service()
  app.get('/bytes', async () => Buffer.alloc(24_000_000))
  app.get('/text', async () => 'x'.repeat(24_000_000))
  const port = await listen(t, app)
  for (const at of ['bytes', 'text']) {
    const accepted = once(app.server, 'connection')
    const reader = connect(port, '127.0.0.1', () => reader.write(`GET /${at} HTTP/1.1\r\nHost: x\r\n\r\n`))
    const [server] = (await accepted) as [Socket]
    const begun = performance.now()
    const taken = (): number => server.bytesWritten - server.writableLength
    let [wanted, minutes] = [0, 0]
    reader.on('data', () => taken() >= wanted && reader.pause())
    for (; taken() < 24_000_000; minutes += 10) {
      wanted = Math.min(taken() + 1_000_000, 24_000_000)
      reader.resume()
      await until('a megabyte more', (saw) => saw(taken()) >= wanted)
      endUntaken(begun + minutes * 60_000)
    }
    t.ok(minutes > 20, 'one sees that it is being taken')
    wanted = Number.POSITIVE_INFINITY
    reader.resume()
    await until('the end of it', (saw) => saw(reader.bytesRead) >= 24_000_000)
    t.notOk(server.destroyed, at)
    reader.destroy()
  }
})

t.test(
  'who still sends what is too large gets the answer, and nothing after it is carried out',
  async (t) => {
    const app = service({
      answerFailure: (thrown, _request, reply) => reply.code(413).send(toFault(thrown).code),
    })
    let carriedOut = 0
    app.post('/', async () => void carriedOut++)
    const port = await listen(t, app)
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n'
    const whole = 'x'.repeat(8_000_000)
    const chunk = `${'x'.repeat(80_000)}\r\n`
    const bodies = {
      'with its length': `${head}Content-Length: 8000000\r\n\r\n${whole}`,
      'in chunks': `${head}Transfer-Encoding: chunked\r\n\r\n${`13880\r\n${chunk}`.repeat(100)}0\r\n\r\n`,
    }
    const next = `${head}Content-Length: 1\r\n\r\nx`
    for (const [what, bytes] of Object.entries(bodies)) {
      t.match(await raw(port, bytes), /^HTTP\/1\.1 413[\s\S]*connection: close[\s\S]*body_too_large$/, what)
      // It may meet a connection that is closed already.
      await raw(port, bytes + next).catch(() => undefined)
    }
    t.equal(carriedOut, 0)
  },
)

t.test(
  'two listeners may count together, and a failure before any route has the form of the others',
  async (t) => {
    const rateLimit = createCounter({ perSecond: 3, perMinute: 3 }, () => 1_000_000)
    const unfit = () => {
      throw new Error('it cannot be said so')
    }
    const apps = [1, 2].map(() =>
      service({
        rateLimit,
        answerFailure: (thrown, _request, reply) => reply.code(400).send(`own: ${toFault(thrown).code}`),
      }),
    )
    for (const app of apps) app.get('/:id', async () => 'ok')
    t.match(await service({ answerFailure: unfit }).inject('/%zz'), { statusCode: 400 })
    const [one, other] = [apps[0]!, apps[1]!]
    t.match(await one.inject('/%zz'), {
      ...{ statusCode: 400, body: 'own: invalid_path', headers: { 'x-content-type-options': 'nosniff' } },
    })
    t.equal((await one.inject('/a')).body, 'ok')
    t.equal((await one.inject('/a')).body, 'ok')
    t.equal((await other.inject('/a')).body, 'ok')
    t.equal((await other.inject('/a')).body, 'own: too_many_requests')
  },
)

t.test('TLS with client certificates', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-tls-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const make = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost'
  execFileSync('openssl', ['req', ...make.split(' '), '-keyout', 'key', '-out', 'cert'], {
    cwd: folder,
    stdio: 'ignore',
  })
  const [key, cert] = ['key', 'cert'].map((name) => readFileSync(path.join(folder, name)))
  const app = service({ https: { key, cert, ca: [cert!], requestCert: true, rejectUnauthorized: true } })
  app.get('/', async () => 'ok')
  const port = await listen(t, app)
  const ask = (own: object): Promise<string> =>
    new Promise((resolve, reject) => {
      const request = httpsRequest({ port, host: '127.0.0.1', rejectUnauthorized: false, ...own }, (reply) =>
        reply.on('data', (data: Buffer) => resolve(data.toString())),
      )
      request.on('error', reject).end()
    })
  t.equal(await ask({ key, cert }), 'ok')
  await t.rejects(ask({}))
  t.equal(await ask({ key, cert }), 'ok', 'it lives after a refused handshake')
})

t.test('one line a request, without the address of a person', async (t) => {
  const app = service()
  app.get('/persons/:code', async () => 'ok')
  lines.length = 0
  await app.inject('/persons/48001011234?name=x')
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0]!), { service: 'test', method: 'GET', route: '/persons/:code', status: 200 })
  t.notMatch(lines[0], /48001011234/)
})

t.test('who asks behind a proxy is believed of named proxies alone', (t) => {
  const addressOf = createAddressOf(['10.0.0.0/8', '2001:db8::/32', '127.0.0.1'])
  const ask = (remoteAddress: string | undefined, forwarded?: string | string[]): string =>
    addressOf({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded as string } })
  const cases: [string, string | undefined, string | string[] | undefined, string][] = [
    ['a stranger says what it wants', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['one proxy', '10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['as IPv6 of a socket', '::ffff:10.1.2.3', '::ffff:198.51.100.1', '198.51.100.1'],
    [
      'two proxies, and what the browser wrote',
      '10.1.2.3',
      '1.1.1.1, 198.51.100.1, 10.9.9.9',
      '198.51.100.1',
    ],
    ['two headers', '127.0.0.1', ['1.1.1.1', '198.51.100.1'], '198.51.100.1'],
    ['IPv6', '2001:db8::1', '2001:db9::7', '2001:db9::7'],
    ['nothing', '10.1.2.3', undefined, '10.1.2.3'],
    ['no address', '10.1.2.3', '198.51.100.1, unknown', '10.1.2.3'],
    ['with a port', '10.1.2.3', '198.51.100.1:1234', '10.1.2.3'],
    ['proxies alone', '10.1.2.3', '10.0.0.1, 10.0.0.2', '10.1.2.3'],
    ['very many', '10.1.2.3', `198.51.100.1${', 10.0.0.1'.repeat(30)}`, '10.1.2.3'],
    ['very long', '10.1.2.3', `198.51.100.1${' '.repeat(3_000)}`, '10.1.2.3'],
    ['a socket that is gone', undefined, '198.51.100.1', ''],
  ]
  for (const [name, peer, forwarded, expected] of cases) t.equal(ask(peer, forwarded), expected, name)
  t.equal(
    createAddressOf([])({ socket: { remoteAddress: '10.1.2.3' }, headers: { 'x-forwarded-for': '1.1.1.1' } }),
    '10.1.2.3',
  )
  t.end()
})
