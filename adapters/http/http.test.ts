/** Requests through the HTTP adapter to a real service: what passes, what does not, and what fails how. */
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import t from 'tap'
import { Client, type Dispatcher } from 'undici'
import { ownAddress } from '#adapters/kit/kit-fixture.ts'
import { startSystem } from '#adapters/kit/system/system-fixture.ts'
import { until } from '#test/until.ts'
import { startBefore } from './http-fixture.ts'

const MIB = 1024 * 1024
const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

t.test('what passes, under which name, and what does not exist', async (t) => {
  const { url, seen } = await startSystem(t, (app) => {
    app.get('/api/v2/people/:code', async (request, reply) => {
      reply.headers({ server: 'inner/1.0', 'set-cookie': 'a=b', etag: '"1"', location: url, 'x-own': 'y' })
      return { url: request.url, headers: request.headers }
    })
    app.get('/api/v2/files/*', async (request) => ({ url: request.url }))
    app.delete('/api/v2/people/:code', async (_request, reply) => reply.code(204).send())
    app.get('/api/v2/none', async (_request, reply) => reply.code(404).send({ said: 'none' }))
    app.get('/api/v2/moved', async (_request, reply) => reply.redirect('/api/v2/none'))
    app.get('/api/v2/same', async (_request, reply) => reply.code(304).header('etag', '"2"').send())
  })
  const { send, lines, monitor, stop } = await startBefore(t, `${url}/api/v2`, {
    headers: {
      set: {
        'X-Caller': '{client.memberClass}:{client.memberCode}',
        'X-Person': '{x-road-userid}',
        'X-Source': 'exchange',
      },
      answer: ['content-type', 'etag', 'X-Own'],
    },
    paths: [
      { path: '/persons/{id}', methods: ['GET', 'HEAD'], to: '/people/{id}', query: { name: 'full name' } },
      { path: '/persons/{code}', methods: ['DELETE'], to: '/people/{code}' },
      { path: '/documents/*', methods: ['GET'], to: '/files/*', anyQuery: true },
      { path: '/none', methods: ['GET'] },
      { path: '/moved', methods: ['GET'] },
      { path: '/same', methods: ['GET'] },
    ],
  })
  const one = await send('/persons/a%20b%2Bc?name=x+y%26&name=2', {
    headers: {
      ...{ 'x-road-client': 'DEV/GOV/1002/tax', 'x-road-userid': 'EE1', accept: 'application/json' },
      ...{ authorization: 'Bearer own', cookie: 'a=b', 'x-source': 'client', 'x-forwarded-for': '1.2.3.4' },
    },
  })
  t.match(one, { status: 200, headers: { etag: '"1"', 'x-own': 'y', 'content-type': /json/ } })
  for (const name of ['server', 'set-cookie', 'location']) t.notOk(one.headers[name], name)
  t.equal(one.json?.['url'], '/api/v2/people/a%20b%2Bc?full%20name=x+y%26&full%20name=2')
  const given = one.json?.['headers'] as Record<string, string>
  t.match(given, {
    'x-caller': 'GOV:1002',
    'x-person': 'EE1',
    'x-source': 'exchange',
    'x-road-userid': 'EE1',
  })
  for (const name of ['authorization', 'cookie', 'x-forwarded-for']) t.notOk(given[name], name)
  const without = (await send('/persons/1', { headers: { 'x-caller': 'GOV:1' } })).json?.['headers'] as object
  t.notMatch(Object.keys(without), ['x-caller'], 'a client does not say it itself')
  t.equal(
    (await send('/documents/a/b%3Fc?q=1&z', {})).json?.['url'],
    '/api/v2/files/a/b%3Fc?q=1&z',
    'the rest of a path and of a query',
  )
  t.match(await send('/persons/1', { method: 'DELETE' }), { status: 204, text: '' })
  t.match(await send('/persons/1', { method: 'HEAD' }), { status: 200, text: '', headers: { etag: '"1"' } })
  t.match(await send('/none'), { status: 404, json: { said: 'none' } }, "the system's own word")
  t.match(await send('/same'), { status: 304, headers: { etag: '"2"' } })
  t.match(await send('/moved'), { status: 502, json: { type: 'source_failed' } })

  const before = seen.length
  for (const [path, method, status] of [
    ...[
      ['/people/1', 'GET', 404],
      ['/', 'GET', 404],
      ['/documents', 'GET', 404],
    ],
    ...[
      ['/documents/', 'GET', 400],
      ['/persons/1/2', 'GET', 404],
      ['/persons/1', 'POST', 405],
    ],
    ...[
      ['/documents/a', 'HEAD', 405],
      ['/persons/1?other=1', 'GET', 400],
      ['/persons/1?full%20name=1', 'GET', 400],
    ],
    ['/persons/1', 'OPTIONS', 405],
  ] as [string, Dispatcher.HttpMethod, number][])
    t.equal((await send(path, { method })).status, status, `${method} ${path}`)
  t.match(await send('/persons/1', { method: 'POST' }), { headers: { allow: 'DELETE, GET, HEAD' } })
  t.match(
    await send('/persons/1', { method: 'DELETE', body: Buffer.from('x') }),
    { status: 400, json: { type: 'invalid_content_type' } },
    'a body where none belongs',
  )
  t.equal(seen.length, before, 'none of them reached the system')
  t.match(await monitor('/health/ready'), { status: 200, body: { checks: [{ name: 'system', ok: true }] } })
  t.match((await monitor('/metrics')).text, /route="\/base\/persons\/:id",status="200"/)
  await stop()
  t.notMatch(lines.join(''), /EE1|full name|a%20b/)
})

t.test('bodies pass as streams, within bounds', async (t) => {
  const { url, seen } = await startSystem(t, (app) => {
    app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))
    app.post('/digest', async (request) => {
      const hash = createHash('sha256')
      let bytes = 0
      for await (const piece of request.body as Readable) {
        hash.update(piece as Buffer)
        bytes += (piece as Buffer).length
      }
      return { digest: hash.digest('hex'), bytes, length: request.headers['content-length'] }
    })
    app.get('/large', async (_request, reply) =>
      reply.header('content-length', 5 * MIB).send(Readable.from([Buffer.alloc(5 * MIB, 1)])),
    )
    app.get('/endless', async (_request, reply) =>
      reply.send(
        Readable.from(
          (function* () {
            for (;;) yield Buffer.alloc(65_536, 1)
          })(),
        ),
      ),
    )
    app.get('/fitting', async (_request, reply) => reply.send(Readable.from([Buffer.alloc(3 * MIB, 7)])))
  })
  const { send } = await startBefore(t, url, {
    limits: { requestBytes: 4 * MIB, answerBytes: 4 * MIB },
    paths: [
      { path: '/digest', methods: ['POST'] },
      ...['/large', '/endless', '/fitting'].map((path) => ({ path, methods: ['GET'] })),
    ],
  })
  const type = { 'content-type': 'application/octet-stream' }
  for (const bytes of [0, 1, 65_536, 65_537, 4 * MIB]) {
    const body = randomBytes(bytes)
    const whole = await send('/digest', { method: 'POST', headers: type, body })
    const length = String(bytes)
    t.match(whole, { status: 200, json: { digest: digest(body), bytes, length } }, `${bytes} bytes`)
    const chunked = await send('/digest', { method: 'POST', headers: type, body: Readable.from([body]) })
    t.match(chunked, { status: 200, json: { digest: digest(body), bytes } }, `${bytes} bytes in chunks`)
  }
  const reached = seen.length
  const large = Buffer.alloc(4 * MIB + 1)
  t.match(await send('/digest', { method: 'POST', headers: type, body: large }), { status: 413 })
  t.equal(seen.length, reached, 'its length is known before the system is called')
  t.match(
    await send('/digest', { method: 'POST', headers: type, body: Readable.from([large.subarray(1), large]) }),
    { status: 413, json: { type: 'body_too_large' } },
    'a length that shows itself on the way',
  )
  t.equal(digest((await send('/fitting')).bytes), digest(Buffer.alloc(3 * MIB, 7)))
  t.match(await send('/large'), { status: 400, json: { type: 'answer_too_large' } })
  await t.rejects(send('/endless'), 'an answer that shows itself too large is cut, not ended')
  t.equal((await send('/fitting')).status, 200, 'and the adapter goes on')
})

t.test('a system that is away, slow, busy, or breaks off', async (t) => {
  const address = ownAddress()
  const sockets: Socket[] = []
  const received: string[] = []
  let answer: (socket: Socket) => void = () => undefined
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (data: Buffer) => {
      if (/^(GET|POST) /.test(data.toString())) received.push(data.toString().split(' ', 1)[0]!)
      answer(socket)
    })
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const listen = (): Promise<void> => new Promise((resolve) => void server.listen(8080, address, resolve))
  const paths = [{ path: '/one', methods: ['GET', 'POST'] }]
  const { send, monitor } = await startBefore(t, `http://${address}:8080`, { paths })
  const hurried = await startBefore(t, `http://${address}:8080`, {
    paths,
    limits: { answerMs: 1000, wholeMs: 1200 },
  })
  /** On a busy machine nothing of the answer may come in time, which is another failure. */
  const isCut = (what: string) =>
    until(what, async (saw) =>
      hurried.send('/one').then(
        ({ status }) => void saw(status),
        () => true,
      ),
    )
  const post = { method: 'POST' as const, body: Buffer.from('act') }
  const away = { status: 503, headers: { 'retry-after': '5' }, json: { type: 'source_unavailable' } }
  t.match(await send('/one'), away)
  t.match(await send('/one', post), away, 'no byte of it left')
  t.match(await monitor('/health/ready'), { status: 503 })
  await listen()

  answer = (socket) => socket.destroy()
  t.match(await send('/one', post), { status: 502, json: { type: 'source_interrupted' } })
  t.match((await send('/one', post)).json?.['message'], /may have been carried out/)
  t.strictSame(received, ['POST', 'POST'], 'each once')
  received.length = 0
  t.match(await send('/one'), away)
  t.strictSame(received, ['GET', 'GET'], 'a GET twice')
  received.length = 0
  let times = 0
  answer = (socket) => {
    if (times++ === 0) socket.destroy()
    else socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
  }
  t.match(await send('/one'), { status: 200, text: 'ok' })
  t.strictSame(received, ['GET', 'GET'])

  for (const said of [
    'nonsense\r\n\r\n',
    'HTTP/1.1 999 What\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n',
    `HTTP/1.1 200 OK\r\na: ${'b'.repeat(100_000)}`,
  ]) {
    answer = (socket) => socket.end(said)
    t.match(await send('/one'), { status: 502, json: { type: 'source_failed' } }, said.slice(0, 40))
  }
  answer = () => undefined
  t.match(await hurried.send('/one'), { status: 504, json: { type: 'source_timeout' } })
  t.match((await hurried.send('/one', post)).json, {
    type: 'source_timeout',
    message: /may have been carried out/,
  })
  answer = (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf')
  await isCut('half an answer is not a whole one')
  answer = (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    const drip = setInterval(() => socket.write('x'), 20)
    socket.once('close', () => clearInterval(drip))
  }
  await isCut('an answer that never ends is ended')
  answer = (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n')
  t.equal((await send('/one')).status, 200, 'and it goes on')
})

t.test('no more calls than the system bears', async (t) => {
  let running = 0
  let most = 0
  const release = Promise.withResolvers<void>()
  const { url } = await startSystem(t, (app) => {
    app.get('/one', async () => {
      most = Math.max(most, ++running)
      await release.promise
      running--
      return {}
    })
  })
  const { url: adapterUrl, monitor } = await startBefore(t, url, {
    limits: { calls: 2, waiting: 2 },
    paths: [{ path: '/one', methods: ['GET'] }],
  })
  const clients = Array.from({ length: 5 }, () => new Client(adapterUrl))
  t.teardown(() => Promise.all(clients.map((client) => client.destroy())))
  const asked = clients.map(async (client) => {
    const { statusCode, body } = await client.request({ method: 'GET', path: '/base/one' })
    return { statusCode, text: await body.text() }
  })
  const refused = await Promise.race(asked)
  t.match(refused, { statusCode: 503, text: /source_busy/ })
  t.match((await monitor('/metrics')).text, /calls_running 2[\s\S]*calls_waiting 2/)
  release.resolve()
  const all = await Promise.all(asked)
  t.equal(all.filter(({ statusCode }) => statusCode === 200).length, 4)
  t.equal(most, 2)
})
