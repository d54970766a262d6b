/**
 * A request arrives: what is let in, what is on record, what reaches the system, and how often. Real keys and
 * messages.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { parseRestResponse, requestHash } from '#core/transport/rest-response.ts'
import { Fault } from '#schemas/fault.ts'
import type { SuspendedKind } from '#schemas/global-configuration.ts'
import { memberOf } from '#schemas/identifiers.ts'
import { rest } from '../message/rest.ts'
import { bodyOf, POPULATION } from '../peer/peer-fixture.ts'
import { readMessage } from '../peer/read-message.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld, isProvedRefusal, type Question, refusalIn } from './fixture.ts'
import type { Arrival } from './receive.ts'
import type { Refusal } from './refuse.ts'

const made = await createProviderWorld(t)
const { world, rooms, log, system } = made
const service = { ...made.service }
const answer = system.answer

t.beforeEach(() => {
  for (const stream of made.sent.splice(0)) stream.destroy()
  world.restore()
  Object.assign(made, { service: { ...service }, allowed: true })
  system.answer = answer
  system.calls.length = 0
  log.records.length = 0
  log.fail = undefined
  log.unusable = undefined
})

/** Body files that no record refers to. */
async function leaks(): Promise<string[]> {
  for (const { body } of log.records) await body?.discard()
  return world.bodyFiles()
}

const refusalOf = (promise: Promise<unknown>): Promise<Refusal> => refusalIn(made, promise)
const isProved = (refusal: Refusal, requestId: string, hash: string): Promise<boolean> =>
  isProvedRefusal(made, { refusal, requestId, hash })

t.test('a request is verified, logged, called once, answered, logged', async (t) => {
  for (const size of [undefined, 0, 10, 300_000]) {
    const body = size === undefined ? undefined : await bodyOf(world, randomBytes(size))
    system.answer = (request, response) => {
      void request.toArray().then((chunks) => {
        t.equal(Buffer.concat(chunks as Buffer[]).length, size ?? 0)
        response.writeHead(
          201,
          'Made',
          [
            ['Content-Type', 'text/plain'],
            ['X-Own', 'a'],
            ['X-Own', 'b'],
            ['X-Road-Error', 'client.access_denied'],
            ['X-Concordat-Refusal', 'AAAA'],
            ['X-Road-Message-Type', 'SOAP'],
          ].flat(),
        )
        response.end(size === 0 ? undefined : Buffer.alloc(size ?? 5, 'x'))
      })
    }
    const requestId = randomUUID()
    const target = '/r1/DEV/GOV/2000/population/persons/a%20b?c=%2F'
    const headers = ['X-Custom', 'one', 'Authorization', 'Bearer x']
    const arrival = await made.ask({ requestId, method: 'POST', target, headers, body }, (one) => ({
      ...one,
      headers: { ...one.headers, 'x-concordat-configuration-head': 'a.head.8' },
    }))
    log.records.length = 0
    const reply = await exchange(arrival, rooms)
    t.strictSame(log.told(), ['request:', 'reply:ok'])
    const [request, answered] = log.records
    t.equal(answered?.answers, 0)
    t.equal(request?.body?.size, size)
    const call = system.calls.at(-1)
    t.equal(call?.url, '/base/a%20b?c=%2F')
    t.match(call?.headers, { 'x-custom': 'one', authorization: 'Bearer x', 'x-road-request-id': requestId })
    t.match(reply.headers, { 'x-hash-algorithm': 'SHA-512', 'x-concordat-configuration-index': '7' })
    t.equal(reply.headers['x-concordat-configuration-head'], 'a.head.7')
    t.strictSame(world.heard.splice(0), ['a.head.8'], 'what the peer knows of the registry')

    const parts = await readMessage({
      source: Buffer.isBuffer(reply.content)
        ? Readable.from([reply.content], { objectMode: false })
        : reply.content,
      contentType: reply.headers['content-type']!,
      codec: rest,
      half: 'reply',
      onMessage: () => undefined,
      spool: world.spool,
      limits: rooms.limits,
      tooSlow: 'peer_timeout',
    })
    const snapshot = world.globalConfiguration.current()
    await rooms.verifyMessage({ parts, member: memberOf(POPULATION), snapshot, at: world.clock() })
    const response = parseRestResponse(parts.message)
    const message = createHash('sha512').update(request!.message!).digest()
    t.match(response, { status: 201, reason: 'Made', id: 'DEV-1', requestId })
    t.equal(response.requestHash, requestHash({ message, body: body?.sha512 }))
    t.strictSame(
      response.headers.filter(([name]) => name === 'X-Own').map(([, value]) => value),
      ['a', 'b'],
    )
    t.notMatch(
      parts.message.toString(),
      /x-road-error|x-concordat|message-type/i,
      'the words of servers are not its own',
    )
    t.equal(parts.body?.size, size ?? 5, 'an entity that is empty is an entity')
    for (const one of [body, parts.body, request?.body, answered?.body]) await one?.discard()
  }
  t.equal(system.calls.length, 4)
  t.strictSame(await leaks(), [])
})

type Case = {
  what: string
  code: string
  q?: Partial<Question> | (() => Promise<Partial<Question>>)
  change?: (arrival: Arrival) => Arrival
  before?: () => void
  /** What stands on record; nothing for a stranger. */
  told?: string[]
}

const header =
  (name: string, value: string | undefined) =>
  (arrival: Arrival): Arrival => ({
    ...arrival,
    headers: { ...arrival.headers, [name]: value },
  })
const large = async (): Promise<Partial<Question>> => ({
  method: 'POST',
  body: await bodyOf(world, randomBytes(200_000)),
})

const strangers: Case[] = [
  { what: 'another protocol', code: 'service_type', change: header('x-road-message-type', 'GRPC') },
  { what: 'no digest name', code: 'missing_header', change: header('x-hash-algorithm', undefined) },
  { what: 'a weak digest', code: 'invalid_message', change: header('x-hash-algorithm', 'SHA-1') },
  {
    what: 'no version',
    code: 'client_proxy_version_not_supported',
    change: header('x-proxy-version', 'unknown'),
  },
  { what: 'no request id', code: 'missing_header', change: header('x-road-request-id', '') },
  { what: 'no multipart', code: 'invalid_content_type', change: header('content-type', 'text/plain') },
  { what: 'an unregistered certificate', code: 'unknown_peer', change: (one) => ({ ...one, presented: [] }) },
  { what: 'TLS 1.2', code: 'tls_profile_not_allowed', change: (one) => ({ ...one, protocol: 'TLSv1.2' }) },
  {
    what: 'no configuration',
    code: 'global_conf_outdated',
    before: () => {
      world.outage = new Fault('global_conf_outdated')
    },
  },
  {
    what: 'a certificate that was revoked from the configuration',
    code: 'unknown_peer',
    before: () => world.reconfigure((all) => ({ ...all, securityServers: all.securityServers.slice(1) })),
  },
  {
    what: 'a server that is suspended',
    code: 'suspended',
    before: () => suspend('server', 'DEV/GOV/1000/ss1')(),
  },
  {
    what: 'an authentication certificate that is suspended',
    code: 'suspended',
    before: () => suspend('certificate', world.consumer.keys.authenticationIdentity().certificate.sha256)(),
  },
]

const suspend = (kind: SuspendedKind, id: string) => (): void => {
  world.suspended = [{ kind, id, since: '2026-01-01T00:00:00.000Z' }]
  world.reconfigure()
}

const refused: Case[] = [
  {
    what: 'another id on the line',
    code: 'inconsistent_headers',
    change: header('x-road-request-id', randomUUID()),
  },
  {
    what: 'a client of another server',
    code: 'unknown_member',
    before: () =>
      world.reconfigure((all) => ({
        ...all,
        securityServers: all.securityServers.map((one) => ({
          ...one,
          clients: one.clients.filter((client) => client.memberCode !== '1000'),
        })),
      })),
  },
  { what: 'a service of another member', code: 'unknown_member', q: { target: '/r1/DEV/GOV/1000/tax/x' } },
  { what: 'an unknown service', code: 'unknown_service', q: { target: '/r1/DEV/GOV/2000/population/x' } },
  {
    what: 'no right',
    code: 'access_denied',
    before: () => {
      made.allowed = false
    },
  },
  {
    what: 'switched off',
    code: 'service_disabled',
    before: () => {
      made.service.disabledNotice = 'on Monday'
    },
  },
  {
    what: 'another server wanted',
    code: 'invalid_security_server',
    q: { headers: ['X-Road-Security-Server', 'DEV/GOV/2000/ss3'] },
  },
  {
    what: 'an encoded slash',
    code: 'invalid_path',
    q: { target: '/r1/DEV/GOV/2000/population/persons/a%2Fb' },
  },
  ...(
    [
      ['member', 'DEV/GOV/1000'],
      ['subsystem', 'DEV/GOV/1000/tax'],
      ['subsystem', 'DEV/GOV/2000/population'],
      ['server', 'DEV/GOV/2000/ss2'],
    ] as const
  ).map(([kind, id]) => ({ what: `${kind} ${id} suspended`, code: 'suspended', before: suspend(kind, id) })),
  {
    what: 'a log that refuses',
    code: 'logging_failed',
    before: () => {
      log.unusable = new Fault('logging_failed')
    },
  },
]

async function carry(t: Test, one: Case, requestId = randomUUID()): Promise<Refusal> {
  world.restore()
  log.records.length = 0
  const q = typeof one.q === 'function' ? await one.q() : one.q
  const arrival = await made.ask({ requestId, ...q }, one.change)
  one.before?.()
  const refusal = await refusalOf(exchange(arrival, rooms))
  t.equal(refusal.fault.code, one.code, `${one.what}: ${refusal.fault.what} ${refusal.fault.cause}`)
  t.strictSame(log.told(), one.told ?? [], one.what)
  t.equal(system.calls.length, 0, 'the system heard nothing')
  await q?.body?.discard()
  Object.assign(made, { service: { ...service }, allowed: true })
  Object.assign(log, { unusable: undefined, fail: undefined })
  return refusal
}

t.test('strangers are refused and leave no record', async (t) => {
  for (const one of strangers) {
    const refusal = await carry(t, { ...one, q: large })
    t.equal(refusal.peerKnown, false)
    t.equal(refusal.signatures, undefined)
  }
  t.strictSame(await leaks(), [], 'nothing was spooled')
})

t.test('a peer is refused before its body is spooled, with a signed word that is on record', async (t) => {
  for (const one of refused) {
    const body = await bodyOf(world, randomBytes(200_000))
    const requestId = randomUUID()
    const refusal = await carry(
      t,
      { ...one, q: { method: 'POST', ...(one.q as object), body }, told: [`refusal:${one.code}`] },
      requestId,
    )
    t.equal(refusal.peerKnown, true)
    t.ok(await isProved(refusal, requestId, ''), `${one.what}: proved`)
    t.notOk(await isProved(refusal, randomUUID(), ''), 'of this request alone')
  }
  t.strictSame(await leaks(), [])
})

t.test('what was not signed whole, by the member, now, is refused', async (t) => {
  const other = async () => bodyOf(world, randomBytes(200_000))
  const cases: Case[] = [
    { what: 'signed by another member', code: 'incorrect_certificate', q: { signer: 'provider' } },
    {
      what: 'another body',
      code: 'invalid_reference',
      q: async () => ({ ...(await large()), sent: { body: await other() } }),
    },
    {
      what: 'a body added',
      code: 'uncovered_part',
      q: async () => ({ method: 'POST', sent: { body: await other() } }),
    },
    {
      what: 'the body left out',
      code: 'uncovered_part',
      q: async () => ({ ...(await large()), sent: { body: undefined } }),
    },
    {
      what: 'no signature',
      code: 'malformed_signature',
      q: { sent: { signature: { signatures: Buffer.from('<x/>') } } },
    },
    {
      what: 'signed long ago',
      code: 'stale_request',
      before: () => {
        world.skew = 6 * 60_000
      },
    },
  ]
  for (const one of cases) {
    const q = typeof one.q === 'function' ? await one.q() : (one.q ?? {})
    const requestId = randomUUID()
    const arrival = await made.ask({ requestId, ...q })
    one.before?.()
    log.records.length = 0
    const refusal = await refusalOf(exchange(arrival, rooms))
    t.ok(
      [
        one.code,
        'invalid_reference',
        'malformed_signature.hashchain_unused_inputs',
        'malformed_signature.invalid_hash_chain_ref',
        'malformed_signature.invalid_hash_chain',
      ].includes(refusal.fault.code),
      `${one.what}: ${refusal.fault.code}`,
    )
    t.strictSame(log.told(), [`refusal:${refusal.fault.code}`], 'an unverified request is no evidence')
    t.ok(refusal.signatures)
    for (const body of [q.body, q.sent?.body]) await body?.discard()
    world.restore()
  }
  t.equal(system.calls.length, 0)
  t.strictSame(await leaks(), [])
})

t.test('a verified request is carried out once, whatever comes again', async (t) => {
  const requestId = randomUUID()
  await exchange(await made.ask({ requestId }), rooms)
  const again = await refusalOf(exchange(await made.ask({ requestId }), rooms))
  t.equal(again.fault.code, 'replayed_request')
  t.strictSame(log.told(), ['request:', 'reply:ok', 'refusal:replayed_request'], 'the copy is not kept')
  t.equal(system.calls.length, 1)
  const body = await bodyOf(world, randomBytes(200_000))
  await refusalOf(exchange(await made.ask({ requestId, method: 'POST', body }), rooms))
  await body.discard()
  t.strictSame(await leaks(), [])
  t.equal(system.calls.length, 1)
})

t.test(
  'a request that cannot be made durable is not carried out; a reply that cannot does not leave',
  async (t) => {
    const failing = (kind: string) => (entry: { kind: string }) =>
      entry.kind === kind ? new Fault('logging_failed') : undefined
    const body = await bodyOf(world, randomBytes(200_000))
    log.fail = failing('request')
    const arrival = await made.ask({ method: 'POST', body })
    t.equal((await refusalOf(exchange(arrival, rooms))).fault.code, 'logging_failed')
    t.equal(system.calls.length, 0)
    log.fail = failing('reply')
    system.answer = (request, response) =>
      void request.resume().once('end', () => response.end(randomBytes(200_000)))
    const lost = await refusalOf(exchange(await made.ask(), rooms))
    t.equal(lost.fault.code, 'reply_not_logged')
    t.equal(lost.signatures, undefined, 'the system was called: nothing signed says that it was refused')
    t.equal(log.told().at(-1), 'outcome-unknown:reply_not_logged')
    t.equal(system.calls.length, 1)
    log.fail = () => new Fault('logging_failed')
    t.equal(
      (await refusalOf(exchange(await made.ask(), rooms))).fault.code,
      'logging_failed',
      'nothing can be logged',
    )
    await body.discard()
    t.strictSame(await leaks(), [])
  },
)
