import net from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import Fastify from 'fastify'
import t from 'tap'
import { aliveChunks } from '#core/transport/alive-chunks-fixture.ts'
import { readBodies } from './read-bodies.ts'

const app = Fastify({ bodyLimit: 60_000 })
readBodies(app)
app.post('/', async ({ body }) => (Buffer.isBuffer(body) ? body.length : { got: body }))
app.post('/small', { bodyLimit: 10 }, async ({ body }) => (body as Buffer).length)
t.teardown(() => app.close())

t.test('of a body in chunks of one octet no chunk is held', async (t) => {
  const { make, alive } = aliveChunks()
  const payload = new Readable({ read: () => undefined })
  const answer = app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'a/b' }, payload })
  await app.ready()
  await turn()
  for (let i = 0; i < 50; i++) {
    for (let j = 0; j < 1_000; j++) payload.push(make())
    await turn()
  }
  t.ok((await alive()) < 100)
  payload.push(null)
  t.equal((await answer).body, '50000')
})

t.test('the bounds are those of the route, by what is declared and by what comes', async (t) => {
  const post = (url: string, payload: string | Readable, headers: Record<string, string> = {}) =>
    app.inject({ method: 'POST', url, headers: { 'content-type': 'a/b', ...headers }, payload })
  const codeOf = async (answer: ReturnType<typeof post>): Promise<string> => {
    const { statusCode, headers, body } = await answer
    return `${statusCode} ${headers['connection'] === 'close'} ${(JSON.parse(body) as { code?: string }).code ?? body}`
  }
  t.equal(await codeOf(post('/small', 'x'.repeat(10))), '200 false 10')
  t.equal(await codeOf(post('/small', 'x'.repeat(11))), '413 true FST_ERR_CTP_BODY_TOO_LARGE', 'declared')
  const stream = Readable.from(['x'.repeat(6), 'x'.repeat(5)], { objectMode: false })
  t.equal(await codeOf(post('/small', stream)), '413 true FST_ERR_CTP_BODY_TOO_LARGE', 'not declared')
  t.equal(
    await codeOf(post('/', 'x'.repeat(60_001))),
    '413 true FST_ERR_CTP_BODY_TOO_LARGE',
    'of the service',
  )
  const short = Readable.from(['xx'], { objectMode: false })
  t.equal(
    await codeOf(post('/', short, { 'content-length': '3' })),
    '400 true FST_ERR_CTP_INVALID_CONTENT_LENGTH',
  )
  const json = { 'content-type': 'application/json' }
  t.equal((await post('/', '{"a":1}', json)).body, '{"got":{"a":1}}')
  t.equal((await post('/', '', { ...json, 'content-length': '0' })).body, '{}', 'an empty body is none')
})

t.test('who goes away in the middle of a body harms nobody', async (t) => {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as net.AddressInfo
  const closed = new Promise<void>((resolve) => {
    app.server.once('connection', (socket) => socket.once('close', () => resolve()))
  })
  const socket = net.connect(port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-type: a/b\r\ncontent-length: 10\r\n\r\nxx', () =>
    socket.destroy(),
  )
  await closed
  t.equal(
    (await app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'a/b' }, payload: 'x' })).body,
    '1',
  )
})
