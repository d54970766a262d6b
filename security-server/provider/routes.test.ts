/**
 * The edge towards peers over real mutual TLS: early refusals get through, streams that break close, lines
 * tell little.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { connect } from 'node:tls'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { parseSoapFault } from '#core/transport/fault-xml.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { HEADER } from '#schemas/wire.ts'
import { until } from '#test/until.ts'
import type { PeerReply } from '../peer/client.ts'
import { mutualTls, mutualTlsOptions } from '../peer/mutual-tls.ts'
import { createOcspByHash } from '../peer/ocsp-by-hash.ts'
import { bodyOf, POPULATION } from '../peer/peer-fixture.ts'
import { tlsCredentials } from '../peer/tls-profile.ts'
import { clientOf, onlySs2, PORTS, textOf } from '../peer/wire-fixture.ts'
import { createProviderWorld, type Question } from './fixture.ts'
import type { ProviderRooms } from './rooms.ts'
import { providerRoutes } from './routes.ts'

const made = await createProviderWorld(t)
const { world, log, system } = made
onlySs2(world)
const { keys, address } = world.provider
const lines: string[] = []
const outcomes: string[] = []
let spool = made.rooms.messageLog.spool
const rooms: ProviderRooms = {
  ...made.rooms,
  messageLog: { ...made.rooms.messageLog, spool: { begin: (limits) => spool.begin(limits) } },
}
const tls = {
  keys,
  globalConfiguration: world.globalConfiguration,
  xroadTlsPeers: new Set<string>(),
}
const app = Fastify({
  https: mutualTlsOptions(tls),
  bodyLimit: Number.MAX_SAFE_INTEGER,
} as object) as unknown as FastifyInstance
mutualTls(app, tls)
providerRoutes(
  app,
  rooms,
  createLog({ name: 'test', level: 'debug', destination: { write: (line) => lines.push(line) } }),
  (outcome) => outcomes.push(outcome),
)
await app.listen({ host: address, port: PORTS.messagePort })
const responder = createOcspByHash(keys)
await responder.listen({ host: address, port: PORTS.ocspPort })
t.ok(responder.server.maxConnections <= 1024, 'anybody may ask it: that must not take all sockets')
const client = clientOf(t, world)
t.teardown(async () => {
  await client.close()
  await Promise.all([app.close(), responder.close()])
})

async function post(q: Partial<Question> = {}, content?: () => Readable): Promise<PeerReply> {
  const arrival = await made.ask(q)
  const headers = arrival.headers as Record<string, string>
  return client.post({ provider: POPULATION, headers, content: content ?? (() => arrival.content) })
}

t.test('an exchange, and its line', async (t) => {
  const requestId = randomUUID()
  const target = '/r1/DEV/GOV/2000/population/persons/010190-123X?name=Virtanen'
  const reply = await post({ requestId, target })
  t.match(reply, { statusCode: 200, headers: { 'x-hash-algorithm': 'SHA-512' } })
  t.match(await textOf(reply.content), /an answer/)
  t.match(JSON.parse(lines.at(-1)!), { half: 'provider', requestId, status: 200, index: 1 })
  t.notMatch(lines.join(''), /010190|Virtanen|DEV-1/, 'no path, no query id')
  t.strictSame(outcomes.splice(0), ['ok'])
})

t.test('a refusal before the body was read gets through, and the sender lets go of its body', async (t) => {
  const { bytes } = await bodyOf(world, randomBytes(60_000))
  let ended = 0
  const arrival = await made.ask({
    method: 'POST',
    target: '/r1/DEV/GOV/2000/population/010190-123X',
    body: await bodyOf(world, bytes!),
  })
  const whole = Buffer.concat((await arrival.content.toArray()) as Buffer[])
  const start = whole.subarray(0, whole.indexOf(bytes!.subarray(0, 1000)))
  const endless = (): Readable =>
    Readable.from(
      (async function* () {
        try {
          yield start
          for (;;) yield randomBytes(60_000)
        } finally {
          ended += 1
        }
      })(),
      { objectMode: false },
    )
  lines.length = 0
  const headers = arrival.headers as Record<string, string>
  const reply = await client.post({ provider: POPULATION, headers, content: endless })
  const fault = parseSoapFault(Buffer.from(await textOf(reply.content)))
  t.equal(fault?.type, 'server.serverproxy.unknown_service')
  t.ok(reply.headers[HEADER.refusal], 'with its proof')
  await until('the end of what we send', () => ended > 0)
  t.equal(ended, 1)
  t.notMatch(lines.join(''), '010190', 'a code in the wrong place does not reach the log')
  t.match(lines.join(''), fault!.detail, 'the id does')
  t.strictSame(world.bodyFiles(), [])
})

t.test('a reply that breaks off closes its connection', async (t) => {
  const { begin } = spool
  spool = {
    begin: (limits) => {
      const pending = begin(limits)
      const end = async () => {
        const { size, sha512, discard } = await pending.end()
        const open = (): Readable =>
          Readable.from(
            (async function* () {
              yield Buffer.alloc(100_000)
              await new Promise((resolve) => setTimeout(resolve, 20))
              throw new Fault('log_inconsistent')
            })(),
            { objectMode: false },
          )
        return { size, sha512, discard, open }
      }
      return { ...pending, end }
    },
  }
  const reply = await post()
  await t.rejects(textOf(reply.content), 'the reader is told')
  spool = { begin }
  t.match(await textOf((await post()).content), /an answer/, 'and the server lives')
})

t.test('a peer that goes away leaves no trace but its record', async (t) => {
  const gone = Promise.withResolvers<void>()
  system.answer = (request, response) => {
    request.resume()
    void gone.promise.then(() => response.end('late'))
  }
  log.records.length = 0
  const waiting = post()
  await until('the request on record', () => log.records.length > 0)
  app.server.closeAllConnections()
  await t.rejects(waiting, { code: 'connection_lost' })
  gone.resolve()
  await until('the reply on record', (saw) => saw(log.told()).length === 2)
  t.strictSame(log.told(), ['request:', 'reply:ok'], 'what was begun was ended, and is proved')
})

t.test('what is no exchange is answered as X-Road does', async (t) => {
  outcomes.length = 0
  const ask = (head: string): Promise<string> =>
    new Promise((resolve) => {
      const credentials = tlsCredentials(world.consumer.keys.authenticationIdentity())
      const where = { host: address, port: PORTS.messagePort, rejectUnauthorized: false }
      const socket = connect({ ...where, ...credentials })
      let text = ''
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      socket.on('error', () => undefined)
      socket.on('close', () => resolve(text))
      socket.write(`${head}\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
    })
  const wrong: [string, RegExp][] = [
    ['GET / HTTP/1.1', /invalid_http_method/],
    ['POST /x HTTP/1.1', /invalid_http_method/],
    ['POST / HTTP/1.1', /missing_header/],
    ['POST / HTTP/1.1\r\ncontent-type: \u0001', /^HTTP\/1\.1 400/],
    ['POST / HTTP/1.1\r\ncontent-type: nonsense', /invalid_content_type|missing_header/],
    [
      'POST / HTTP/1.1\r\nx-road-message-type: REST\r\nx-hash-algorithm: SHA-512\r\nx-proxy-version: 7.8.1\r\nx-road-request-id: a\r\ncontent-type: multipart/mixed',
      /mime_parsing_failed/,
    ],
  ]
  for (const [head, expected] of wrong) t.match(await ask(head), expected, head)
  t.ok(outcomes.every((outcome) => outcome === 'stranger'))
  t.match(await ask('GET / HTTP/1.1'), /^HTTP\/1\.1 200[\s\S]*content-type: text\/xml/i)
})

t.test('who takes all connections of port 5577 keeps only itself from asking', async (t) => {
  const bounded = createOcspByHash(keys, { mostOfOne: 2 })
  await bounded.listen({ host: address, port: 0 })
  t.teardown(() => bounded.close())
  const { port } = bounded.server.address() as AddressInfo
  const ask = (localAddress: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = net.connect({ host: address, port, localAddress })
      let text = ''
      // Not before its end: until then it takes one of the connections.
      socket.on('error', () => undefined).on('close', () => resolve(text.slice(0, 12) || 'closed'))
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      socket.write('GET /?cert=x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
    })
  t.equal(await ask('127.0.0.1'), 'HTTP/1.1 400')
  const silent = [1, 2].map(() => net.connect({ host: address, port, localAddress: '127.0.0.1' }))
  await Promise.all(silent.map((one) => once(one, 'connect')))
  t.equal(await ask('127.0.0.1'), 'closed')
  for (let i = 0; i < 4; i++) t.equal(await ask('127.0.0.2'), 'HTTP/1.1 400')
  for (const one of silent) one.destroy()
  await until('an answer', async (saw) => saw(await ask('127.0.0.1')) === 'HTTP/1.1 400')
})

t.test('a limit is told with its time, and is no refusal of a stranger', async (t) => {
  const fault = new Fault('contract_quota_used_up', { what: 'c0ffee/2', retryAfter: 77 })
  Object.assign(rooms, { contractQuotas: { take: () => Promise.reject(fault) } })
  outcomes.length = 0
  const records = log.records.length
  const reply = await post()
  t.match(reply, { statusCode: 200, headers: { 'retry-after': '77', [HEADER.refusal]: undefined } })
  t.match(parseSoapFault(Buffer.from(await textOf(reply.content))), {
    type: 'server.serverproxy.contract_quota_used_up',
    message: /c0ffee\/2/,
  })
  t.strictSame(outcomes.splice(0), ['contract_quota_used_up'], 'it is counted')
  t.equal(log.records.length, records)
})
