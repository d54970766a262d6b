/** The edge towards client systems on real sockets: what HTTP allows, what breaks, what a log line tells. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import Fastify from 'fastify'
import t from 'tap'
import { heldMemory } from '#platform/held-memory.ts'
import { endUntaken } from '#platform/http-service/watch-taking.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { until } from '#test/until.ts'
import { listenForClients } from '../listeners.ts'
import { bodyOf } from '../peer/peer-fixture.ts'
import { type ContainerLog, containerRoutes } from './container-routes.ts'
import { exchange } from './exchange.ts'
import { createConsumerWorld, evidenceWithoutBody, type ReplyChange } from './fixture.ts'
import { listClientsRoute } from './list-clients.ts'
import { listTrustedIssuersRoute } from './list-trusted-issuers.ts'
import { consumerRoutes, sendFault } from './routes.ts'

const made = await createConsumerWorld(t)
const { world, rooms, log: records } = made
const host = world.consumer.address
const lines: string[] = []
const warnings: Error[] = []
// Of how many listen for the end of the process: in a gate other files of the process do so too.
process.on('warning', (one) => void (one.name === 'MaxListenersExceededWarning' || warnings.push(one)))
const log = createLog({ name: 'test', level: 'debug', destination: { write: (line) => lines.push(line) } })
const evidence = {} as ContainerLog
const own = { keys: world.consumer.keys, log }
const [app] = await listenForClients({ http: { address: host, port: 8080 } }, own, (app) => {
  const { globalConfiguration, localSystems } = rooms
  consumerRoutes(app, rooms, log, () => undefined)
  listClientsRoute(app, globalConfiguration, log)
  listTrustedIssuersRoute(app, globalConfiguration, log)
  containerRoutes(app, { globalConfiguration, localSystems, evidence }, log)
})
t.teardown(() => app?.close())

const PERSONS = '/r1/DEV/GOV/2000/population/persons/010190-123X'
const CLIENT = 'X-Road-Client: DEV/GOV/1000/tax'

/** Everything that comes back on one connection for these bytes. */
async function ask(head: string, body: Buffer | string = ''): Promise<string> {
  const socket = net.connect(8080, host)
  socket.write(`${head}\r\nHost: x\r\n${CLIENT}\r\nConnection: close\r\n\r\n`)
  socket.write(body)
  const chunks = await socket.toArray()
  return Buffer.concat(chunks as Buffer[]).toString('latin1')
}

function answerWith(change: ReplyChange): void {
  made.peer = (received) => made.replyTo(received, change)
}

t.beforeEach(() => {
  world.restore()
  answerWith({})
  records.records.length = 0
  lines.length = 0
})

t.test('an answer is what was signed, in the form that HTTP wants', async (t) => {
  const body = await bodyOf(world, 'hello')
  answerWith({
    status: 404,
    reason: 'Nobody',
    headers: [
      ['Date', 'Thu, 01 Jan 1970 00:00:00 GMT'],
      ['Set-Cookie', 'a'],
      ['Set-Cookie', 'b'],
      ['X-Latin', 'é'],
    ],
    body,
  })
  const whole = await ask(`GET ${PERSONS} HTTP/1.1`)
  t.match(whole, /^HTTP\/1\.1 404 Nobody\r\n/)
  t.equal(whole.match(/^date:/gim)?.length, 1)
  t.match(whole, 'Set-Cookie: a\r\nSet-Cookie: b\r\n')
  t.match(
    whole,
    Buffer.from('X-Latin: é').toString('latin1'),
    'the bytes of the header are those that were signed',
  )
  t.match(whole, /\r\ncontent-length: 5\r\n[\s\S]*\r\n\r\nhello$/)
  t.equal(whole.match(/content-length/gi)?.length, 1)

  answerWith({ status: 200, reason: '☃', headers: [['X-A', 'b']] })
  t.match(await ask(`GET ${PERSONS} HTTP/1.1`), /^HTTP\/1\.1 200 \r\n/, 'a reason that cannot stand there')
  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ] as const) {
    answerWith({ status, body })
    const bare = await ask(`${method} ${PERSONS} HTTP/1.1`)
    t.notMatch(bare, /content-length|hello/i, `${method} ${status} has no body and no length`)
  }
  answerWith({})
  t.match(await ask(`GET ${PERSONS} HTTP/1.1`), /content-length: 0\r\n/)
  const large = await bodyOf(world, randomBytes(900_000))
  answerWith({ body: large })
  t.ok((await ask(`GET ${PERSONS} HTTP/1.1`)).length > 900_000)
  for (const one of records.records) await one.body?.discard()
  await large.discard()
  t.notMatch(lines.join(''), /010190|DEV-/, 'no path and no query id in a line')
  t.same(warnings, [], 'nothing that is deprecated is used to listen')
})

t.test('an answer that nobody takes ends, and its file with it', async (t) => {
  const limits = rooms.limits as { maxBodyBytes: number }
  const { maxBodyBytes } = limits
  t.teardown(() => Object.assign(limits, { maxBodyBytes }))
  limits.maxBodyBytes = 30_000_000
  const body = await bodyOf(world, randomBytes(24_000_000))
  answerWith({ body })
  const socket = net.connect(8080, host)
  socket.write(`GET ${PERSONS} HTTP/1.1\r\nHost: x\r\n${CLIENT}\r\n\r\n`)
  // Its head is there, its body waits for somebody who reads.
  await once(socket, 'readable')
  const now = performance.now()
  endUntaken(now)
  endUntaken(now + 59_000)
  await wait(20)
  t.notOk(socket.destroyed, 'within its first minute')
  let day = 1
  await until('the end of what nobody takes', (saw) => {
    endUntaken(now + day++ * 86_400_000)
    return /not taken/.test(saw(lines.at(-1)) ?? '')
  })
  t.match(JSON.parse(lines.at(-1)!), { half: 'consumer', from: /^127/, msg: 'an answer was not taken' })
  socket.resume().on('error', () => undefined)
  if (!socket.destroyed) await once(socket, 'close')
  t.ok(socket.bytesRead < 24_000_000)
  for (const one of records.records) await one.body?.discard()
  await body.discard()
  t.strictSame(world.bodyFiles(), [])
})

t.test('every way to send a request', async (t) => {
  const bodies: [string, string, string][] = [
    [`POST ${PERSONS} HTTP/1.1\r\nContent-Length: 5`, 'hello', 'hello'],
    [`GET ${PERSONS} HTTP/1.1\r\nContent-Length: 5`, 'hello', 'hello'],
    [`DELETE ${PERSONS} HTTP/1.1\r\nContent-Type: application/x-own;\r\nContent-Length: 5`, 'hello', 'hello'],
    [
      `PATCH ${PERSONS} HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=--a?=\r\nContent-Length: 5`,
      'hello',
      'hello',
    ],
    [`TRACE ${PERSONS} HTTP/1.1`, '', ''],
    [`PUT ${PERSONS} HTTP/1.1\r\nTransfer-Encoding: chunked`, '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n', 'hello'],
    [
      `POST ${PERSONS} HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: X-T`,
      '5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n',
      'hello',
    ],
    [`POST ${PERSONS} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5`, 'hello', 'hello'],
  ]
  for (const [head, body, sent] of bodies) {
    made.received.length = 0
    const answer = await ask(head, body)
    t.match(answer, /(^|\r\n\r\n)HTTP\/1\.1 200 OK/, head)
    t.equal(made.received[0]?.body?.bytes?.toString() ?? '', sent)
    t.notMatch(
      made.received[0]?.message.toString(),
      /expect|trailer|x-t:|transfer-encoding|content-length|host:/i,
    )
  }
  made.received.length = 0
  await ask(`POST ${PERSONS} HTTP/1.1\r\ncontent-TYPE: text/csv; header=x\r\nContent-Length: 5`, 'hello')
  const { transport, request } = made.received[0]!
  t.match(
    transport,
    {
      'content-type': /^multipart\/mixed; charset=UTF-8; boundary=xtop[A-Za-z]{30}$/,
      'x-hash-algorithm': 'SHA-512',
      'x-original-content-type': 'text/csv; header=x',
      'x-proxy-version': /^7\.8\.\d+$/,
      'x-road-message-type': 'REST',
      'x-road-request-id': request.requestId,
    },
    'between servers the headers are those of pr-messtransp',
  )
  const nonsense = await ask(
    `POST ${PERSONS} HTTP/1.1\r\nContent-Type: nonsense\r\nContent-Length: 5`,
    'hello',
  )
  t.match(nonsense, /^HTTP\/1\.1 400[\s\S]*client\.invalid_content_type/, 'but a content type is one')
  const socket = net.connect(8080, host)
  const one = `GET ${PERSONS} HTTP/1.1\r\nHost: x\r\n${CLIENT}\r\n`
  socket.write(`${one}\r\n${one}\r\n${one}Connection: close\r\n\r\n`)
  const text = Buffer.concat((await socket.toArray()) as Buffer[]).toString()
  t.equal(text.match(/HTTP\/1\.1 200/g)?.length, 3, 'one answer for each that was sent at once')
})

t.test('however many headers there are, none is left out', async (t) => {
  made.received.length = 0
  const many = Array.from({ length: 1200 }, (_, i) => `x-${i}: 1`).join('\r\n')
  t.match(await ask(`POST ${PERSONS} HTTP/1.1\r\n${many}\r\nContent-Length: 5`, 'hello'), /^HTTP\/1\.1 200/)
  t.equal(made.received[0]?.body?.bytes?.toString(), 'hello', 'nor the body')
  t.match(made.received[0]?.message.toString(), 'x-1199:1\r\n')
})

t.test('requests that do not wait for answers are bounded, and do not stop the clock', async (t) => {
  made.received.length = 0
  const body = await bodyOf(world, randomBytes(900_000))
  let answerAll: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    answerAll = resolve
  })
  made.peer = async (received) => {
    await held
    return made.replyTo(received, { body })
  }
  const accepted = once(app!.server, 'connection')
  const socket = net.connect(8080, host)
  const one = `GET ${PERSONS} HTTP/1.1\r\nHost: x\r\n${CLIENT}\r\n\r\n`
  socket.write(one)
  const [server] = (await accepted) as [net.Socket]
  const toPeer = (count: number) =>
    until(`request ${count} at the peer`, (saw) => saw(made.received.length) === count)
  await toPeer(1)
  await until('silence that is right while an answer is being made', (saw) => saw(server.timeout) === 0)
  socket.write(one.repeat(40))
  const tooMany = (): number => lines.filter((line) => line.includes('too_many_requests')).length
  await until('25 that are too many', (saw) => saw(tooMany()) === 25)
  await toPeer(16)
  socket.pause()
  answerAll()
  await until('a line of each', (saw) => saw(lines.length) === 41)
  const refusal = Fastify()
  refusal.get('/', (request, reply) => sendFault(request, reply, new Fault('too_many_requests')))
  t.match(await refusal.inject('/'), { statusCode: 429, headers: { 'retry-after': '1' } }, 'as these were')
  t.ok(server.timeout! > 0, 'who does not read the answers is given up')
  socket.destroy()
  await body.discard()
  for (const record of records.records) await record.body?.discard()
})

t.test('what changed while the body came counts', async (t) => {
  const meanwhile: [string, () => void, string][] = [
    [
      'the way to prove who asks',
      () => Object.assign(made.local, { authenticationMode: 'SSLAUTH' }),
      'ssl_authentication_failed',
    ],
    [
      'the contract',
      () => {
        rooms.contracts.contractFor = () => {
          throw new Fault('contract_ended')
        }
      },
      'contract_ended',
    ],
    [
      'the registration on this server',
      () =>
        world.reconfigure((all) => ({
          ...all,
          securityServers: all.securityServers.map((one) =>
            one.id.serverCode === 'ss1' ? { ...one, clients: [] } : one,
          ),
        })),
      'unknown_member',
    ],
  ]
  const { contractFor } = rooms.contracts
  for (const [what, change, code] of meanwhile) {
    const content = Readable.from(
      (async function* () {
        yield randomBytes(100_000)
        change()
        yield randomBytes(100_000)
      })(),
      { objectMode: false },
    )
    await t.rejects(exchange({ ...made.arrival({ method: 'POST' }), content }, rooms), { code }, what)
    made.local.authenticationMode = 'NOSSL'
    rooms.contracts.contractFor = contractFor
    world.restore()
  }
  t.strictSame(records.told(), [])
  t.strictSame(world.bodyFiles(), [])
})

t.test('a refusal gets through although the body was not read', async (t) => {
  made.received.length = 0
  const denied = await ask(
    `POST /r1/DEV/GOV/9/x/y HTTP/1.1\r\nContent-Length: 8000000`,
    Buffer.alloc(8_000_000),
  )
  t.match(denied, /^HTTP\/1\.1 400[\s\S]*connection: close[\s\S]*"client\.unknown_member"/i)
  const large = await ask(`POST ${PERSONS} HTTP/1.1\r\nContent-Length: 5000000`, Buffer.alloc(5_000_000))
  t.match(large, /^HTTP\/1\.1 413[\s\S]*"client\.body_too_large"/)
  const types = {
    'text/xml, application/xml': 'text/xml;charset=utf-8\r\n[^<]*<error><type>client.invalid_request<',
    'application/xml; q=0.2, text/xml': 'application/xml;charset=utf-8\r\n[^<]*<error>',
    'application/json, text/*': 'text/xml;charset=utf-8\r\n[^<]*<error>',
    'text/xml-patch+xml, foobarbaz': 'application/json;charset=utf-8\r\n[^<]*{"type"',
  }
  for (const [accepted, type] of Object.entries(types))
    t.match(await ask(`GET /r1/x HTTP/1.1\r\nAccept: ${accepted}`), new RegExp(`content-type: ${type}`, 'i'))
  t.equal(made.received.length, 0)
  t.strictSame(world.bodyFiles(), [])
})

t.test('who goes away takes nothing along', async (t) => {
  t.teardown(heldMemory.reserve(1e9))
  made.received.length = 0
  const sender = net.connect(8080, host)
  sender.write(`POST ${PERSONS} HTTP/1.1\r\nHost: x\r\n${CLIENT}\r\nContent-Length: 500000\r\n\r\n`)
  sender.write(Buffer.alloc(200_000))
  await until('its body in a file', () => world.bodyFiles().length > 0)
  sender.destroy()
  await until('the end of the file', (saw) => saw(world.bodyFiles()).length === 0)
  // The file goes before its exchange ends.
  await until('no surprise of ours', (saw) => saw(lines.join('')).includes('"outcome":"invalid_request"'))
  t.equal(made.received.length, 0)

  let closed = 0
  const sha512 = (await bodyOf(world, Buffer.alloc(100))).sha512
  const endless = (): Readable =>
    Readable.from(
      (async function* () {
        try {
          for (;;) yield Buffer.alloc(60_000)
        } finally {
          closed += 1
        }
      })(),
      { objectMode: false },
    )
  const broken = (): Readable =>
    Readable.from(
      (async function* () {
        yield Buffer.alloc(60_000)
        throw new Fault('log_inconsistent')
      })(),
      { objectMode: false },
    )
  const real = rooms.messageLog.append
  const openAs = (open: () => Readable): void => {
    answerWith({
      body: { size: 100, bytes: Buffer.alloc(100), sha512, open, discard: async () => undefined },
    })
    // The reply is kept; then its body cannot be read any more, or never ends.
    rooms.messageLog.append = async (entry) => {
      const record = await real(entry)
      if (entry.kind === 'reply') Object.assign(entry.body!, { size: 1e12, bytes: undefined, open })
      return record
    }
  }
  openAs(endless)
  const reader = net.connect(8080, host)
  reader.write(`GET ${PERSONS} HTTP/1.1\r\nHost: x\r\n${CLIENT}\r\n\r\n`)
  await once(reader, 'data')
  reader.destroy()
  await until('a body that is let go of', () => closed > 0)
  openAs(broken)
  t.match(
    await ask(`GET ${PERSONS} HTTP/1.1`),
    /^HTTP\/1\.1 200/,
    'a body that breaks off closes the connection',
  )
  rooms.messageLog.append = real
  answerWith({})
  t.match(await ask(`GET ${PERSONS} HTTP/1.1`), /^HTTP\/1\.1 200/, 'and the server lives')
})

t.test('what is no exchange', async (t) => {
  const soap = await ask(
    'POST / HTTP/1.1\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: 4',
    '<x/>',
  )
  t.match(
    soap,
    /^HTTP\/1\.1 200[\s\S]*content-type: text\/xml[\s\S]*<faultcode>client\.invalid_soap<\/faultcode>/i,
  )
  t.match(
    await ask('POST /any HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2', '{}'),
    /404[\s\S]*client\.not_found/,
  )
  for (const how of ['1.1\r\nTransfer-Encoding: gzip, chunked', '1.0\r\nTransfer-Encoding: chunked'])
    t.match(await ask(`PUT ${PERSONS} HTTP/${how}`, '0\r\n\r\n'), /400[\s\S]*client\.invalid_request/, how)
  t.match(await ask('GET /listClients HTTP/1.1'), /<id:subsystemCode>population</)
  t.match(await ask('GET /listTrustedIssuers HTTP/1.1'), /200[\s\S]*\{"instance":"DEV","issuers":\[\]\}/)
  const party = 'xRoadInstance=DEV&memberClass=GOV&memberCode=1000&subsystemCode=tax&queryId=q'
  Object.assign(evidence, evidenceWithoutBody())
  const zip = await ask(`GET /asic?${party} HTTP/1.1`).catch(() => 'reset')
  t.ok(/^HTTP\/1\.1 200|reset/.test(zip), 'an unreadable body breaks the download off')
  evidence.findExchange = async () =>
    Array.from({ length: 257 }, (_, idx) => ({ idx, kind: 'request', time: '2026-01-01T00:00:00Z' }))
  t.match(await ask(`GET /asic?${party} HTTP/1.1`), /409[\s\S]*client\.conflict/)
  t.match(await ask(`GET /asic?queryId=q HTTP/1.1`), /400[\s\S]*client\.invalid_request/)
  t.match(await ask('GET /listClients HTTP/1.1'), /^HTTP\/1\.1 200/, 'the process lives')
})
