/** A request leaves: what is refused before, what is sent, which replies are believed, what is on record. */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { asFault, Fault, type WireFault } from '#schemas/fault.ts'
import type { RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import { NotSent } from '../peer/not-sent.ts'
import { bodyOf } from '../peer/peer-fixture.ts'
import { exchange } from './exchange.ts'
import { createConsumerWorld, type Received, type ReplyChange } from './fixture.ts'
import { PeerRefusal } from './peer-refusal.ts'
import { saysNotCalled } from './refused-codes.ts'

const made = await createConsumerWorld(t)
const { world, rooms, log } = made
const honest = made.peer

t.beforeEach(() => {
  world.restore()
  made.peer = honest
  made.received.length = 0
  made.local = { ...made.local, authenticationMode: 'NOSSL', certificates: new Set() }
  log.records.length = 0
  log.fail = undefined
  log.unusable = undefined
})

async function leaks(): Promise<string[]> {
  for (const { body } of log.records) await body?.discard()
  return world.bodyFiles()
}

type Ask = Parameters<typeof made.arrival>[0]

async function fails(t: Test, code: string, told: string[], ask?: Ask, what = code): Promise<Fault> {
  log.records.length = 0
  const fault = asFault(
    await exchange(made.arrival(ask), rooms).then(
      () => new Error('it was answered'),
      (cause: unknown) => cause,
    ),
  )
  t.equal(fault.code, code, `${what}: ${fault.what} ${fault.cause}`)
  t.strictSame(log.told(), told, what)
  return fault
}

t.test('a request is signed and logged before it is sent; the reply before it is answered', async (t) => {
  for (const size of [undefined, 10, 300_000]) {
    const body = size === undefined ? undefined : randomBytes(size)
    const replied = size === undefined ? undefined : await bodyOf(world, body!)
    made.peer = async (received) => {
      t.strictSame(log.told(), ['request:'], 'durable before a byte left')
      return made.replyTo(received, { status: 201, reason: 'Made', headers: [['X-Own', 'é']], body: replied })
    }
    const headers = [
      'X-Road-UserId',
      'EE1',
      'X-Road-Issue',
      'i',
      'X-Road-Represented-Party',
      'COM/1',
      'Connection',
      'X-Hop',
      'X-Hop',
      '1',
    ]
    const answer = await exchange(made.arrival({ method: 'POST', headers, ...(body && { body }) }), rooms)
    t.match(answer, { status: 201, reason: 'Made', facts: { index: 1, bytes: size ?? 0 } })
    t.strictSame(answer.headers[0], ['X-Own', 'é'])
    t.strictSame(world.heard.splice(0), ['a.head.7'], 'what the peer knows of the registry')
    t.strictSame(log.told(), ['request:', 'reply:ok'])
    t.match(log.records[0], {
      extra: { userId: 'EE1', issue: 'i', representedParty: 'COM/1', method: 'POST' },
    })
    t.match(log.records[1], { answers: 0, extra: { treeHead: 'aGVhZA==' }, peer: world.provider.id })
    const sent = made.received.at(-1)!
    t.notMatch(sent.message.toString(), /x-hop|connection/i)
    t.match(sent.request.id, /^DEV-/)
    if (body !== undefined)
      t.ok(Buffer.concat((await answer.body!.open().toArray()) as Buffer[]).equals(body))
    for (const one of [replied, log.records[1]?.body, log.records[0]?.body]) await one?.discard()
    log.records.length = 0
  }
  t.equal(made.received.filter(({ body }) => body !== undefined).length, 2, 'no body, no part')
})

t.test('what is refused before it is sent leaves no record', async (t) => {
  const base = '/r1/DEV/GOV/2000/population/persons'
  const cases: [string, Ask, string][] = [
    ['no service', { url: '/r1/DEV/GOV/2000/population' }, 'invalid_request'],
    ['a dot segment', { url: `${base}/%2e%2e/x` }, 'invalid_path'],
    ['a verb that is none', { method: 'BREW' }, 'invalid_http_method'],
    ['two clients', { headers: ['X-Road-Client', 'DEV/GOV/1000/tax'] }, 'duplicate_header_field'],
    ['an unregistered provider', { url: '/r1/DEV/GOV/9/x/y' }, 'unknown_member'],
    ['another instance', { url: '/r1/EE/GOV/9/x/y' }, 'unknown_member'],
    [
      'a server that does not serve it',
      { headers: ['X-Road-Security-Server', 'DEV/GOV/1000/ss1'] },
      'invalid_security_server',
    ],
    ['a body over the limit', { method: 'POST', body: randomBytes(1_000_001) }, 'body_too_large'],
  ]
  for (const [what, ask, code] of cases) await fails(t, code, [], ask, what)
  const stranger = { ...made.arrival(), rawHeaders: ['X-Road-Client', 'DEV/GOV/2000/population'] }
  await t.rejects(exchange(stranger, rooms), { code: 'unknown_member' }, 'no client of this server')
  const cut = { ...made.arrival({ method: 'POST' }), content: broken() }
  await t.rejects(exchange(cut, rooms), { code: 'invalid_request' }, 'a body that is cut off')

  const presented = { certificateSha256: 'ab' }
  const modes: [typeof made.local.authenticationMode, Ask, boolean][] = [
    ['NOSSL', {}, true],
    ['SSLNOAUTH', {}, false],
    ['SSLNOAUTH', { tls: { certificateSha256: undefined } }, true],
    ['SSLAUTH', {}, false],
    ['SSLAUTH', { tls: { certificateSha256: undefined } }, false],
    ['SSLAUTH', { tls: { certificateSha256: 'cd' } }, false],
    ['SSLAUTH', { tls: presented }, true],
  ]
  for (const [authenticationMode, ask, passes] of modes) {
    made.local = { ...made.local, authenticationMode, certificates: new Set(['ab']) }
    if (passes) await exchange(made.arrival(ask), rooms)
    else await fails(t, 'ssl_authentication_failed', [], ask, authenticationMode)
  }
  made.local = { ...made.local, authenticationMode: 'NOSSL' }
  made.received.length = 0
  log.unusable = new Fault('timestamping_failed')
  await fails(t, 'timestamping_failed', [])
  log.unusable = undefined
  log.fail = () => new Fault('logging_failed')
  await fails(t, 'logging_failed', [], { method: 'POST', body: randomBytes(200_000) })
  log.fail = undefined
  world.outage = new Fault('global_conf_outdated')
  await fails(t, 'global_conf_outdated', [])
  world.outage = undefined
  world.reconfigure((all) => ({
    ...all,
    securityServers: all.securityServers.map((one) => ({ ...one, maintenance: { message: undefined } })),
  }))
  await fails(t, 'maintenance_mode', [])
  world.reconfigure((all) => ({
    ...all,
    securityServers: all.securityServers.filter((one) => one.id.memberCode === '1000'),
  }))
  await fails(t, 'unknown_server', [])
  const parties = [
    ['member', 'DEV/GOV/1000'],
    ['subsystem', 'DEV/GOV/1000/tax'],
    ['server', 'DEV/GOV/1000/ss1'],
    ['member', 'DEV/GOV/2000'],
    ['subsystem', 'DEV/GOV/2000/population'],
  ] as const
  for (const [kind, id] of parties) {
    world.restore()
    world.suspended = [{ kind, id, since: '2026-01-01T00:00:00.000Z' }]
    world.reconfigure()
    await fails(t, 'suspended', [], {}, `${kind} ${id} suspended`)
  }
  t.equal(made.received.length, 0)
  t.strictSame(world.bodyFiles(), [], 'no body is left behind')
})

function broken(): Readable {
  return Readable.from(
    (async function* () {
      yield randomBytes(200_000)
      throw new Error('aborted')
    })(),
    { objectMode: false },
  )
}

t.test('a reply is believed only when it is the whole answer of the provider to this request', async (t) => {
  const body = await bodyOf(world, randomBytes(200_000))
  const other = await bodyOf(world, randomBytes(200_000))
  const changes: [string, ReplyChange | ((received: Received) => ReplyChange), string | RegExp][] = [
    ['signed by another member', { signer: 'consumer' }, 'incorrect_certificate'],
    ['another body', { body, sent: { body: other } }, /^(invalid_reference|malformed_signature)/],
    ['a body added', { sent: { body: other } }, /uncovered_part|invalid_reference|malformed_signature/],
    [
      'the body left out',
      { body, sent: { body: undefined } },
      /uncovered_part|invalid_reference|malformed_signature/,
    ],
    [
      'another message',
      { sent: { message: Buffer.from('200\r\nOK\r\n') } },
      /invalid_reference|malformed_signature/,
    ],
    ['another request id', { requestId: 'x' }, 'inconsistent_response'],
    ['another request', { requestHash: sha(1) }, 'inconsistent_response'],
    ['another query id', ({ request }) => ({ request: { ...request, id: 'x' } }), 'inconsistent_response'],
    [
      'another client',
      ({ request }) => ({ request: { ...request, client: { ...request.client, subsystemCode: 'x' } } }),
      'inconsistent_response',
    ],
    [
      'another service',
      ({ request }) => ({ request: { ...request, service: { ...request.service, serviceCode: 'x' } } }),
      'inconsistent_response',
    ],
  ]
  for (const [what, change, code] of changes) {
    made.peer = (received) => made.replyTo(received, typeof change === 'function' ? change(received) : change)
    log.records.length = 0
    const fault = asFault(await exchange(made.arrival(), rooms).catch((cause: unknown) => cause))
    t.match(fault.code, code, what)
    t.strictSame(log.told(), ['request:', `outcome-unknown:${fault.code}`], 'it may have been carried out')
  }
  made.peer = async (received) => {
    const reply = await made.replyTo(received)
    world.skew = 6 * 60_000
    return reply
  }
  await fails(t, 'stale_reply', ['request:', 'outcome-unknown:stale_reply'])
  for (const one of [body, other]) await one.discard()
  t.strictSame(await leaks(), [])
})

t.test('what comes back but is no reply is let go of', async (t) => {
  const contents: Readable[] = []
  const bend = (change: (reply: Awaited<ReturnType<typeof made.replyTo>>) => object) => {
    made.peer = async (received) => {
      const reply = await made.replyTo(received, { body: await bodyOf(world, Buffer.alloc(60_000)) })
      const bent = { ...reply, ...change(reply) }
      contents.push(bent.content as Readable)
      return bent
    }
  }
  const cases: [string, Parameters<typeof bend>[0], string][] = [
    ['another status', () => ({ statusCode: 404 }), 'http_error'],
    [
      'no digest name',
      ({ headers }) => ({ headers: { ...headers, 'x-hash-algorithm': undefined } }),
      'invalid_message',
    ],
    [
      'a page',
      () => ({ statusCode: 500, headers: { 'content-type': 'text/html; a="secret"' } }),
      'http_error',
    ],
    ["a proxy's page", () => ({ statusCode: 502, headers: { 'content-type': 'text/html' } }), 'http_error'],
    [
      'text/xml that is no fault',
      ({ headers }) => ({ headers: { ...headers, 'content-type': 'text/xml' } }),
      'invalid_message',
    ],
    [
      'a fault without end',
      () => ({ headers: { 'content-type': 'text/xml' }, content: endless() }),
      'invalid_message',
    ],
    ['cut off', () => ({ content: broken() }), 'mime_parsing_failed'],
  ]
  for (const [what, change, code] of cases) {
    bend(change)
    const { message } = await fails(t, code, ['request:', `outcome-unknown:${code}`], {}, what)
    if (/page/.test(what)) t.match(message, /answered 50[02], content type text\/html(?!.*secret)/)
    t.ok(contents.at(-1)?.destroyed, `${what}: its connection is free`)
  }
  t.strictSame(await leaks(), [])
})

function endless(): Readable {
  return new Readable({
    read() {
      this.push(Buffer.alloc(10_000))
    },
  })
}

function sha(fill: number): string {
  return Buffer.alloc(64, fill).toString('base64')
}

t.test('how it ended: refused, or nobody knows', async (t) => {
  const fault = (code: string): WireFault => ({
    type: `server.serverproxy.${code}`,
    message: 'm',
    detail: 'd-1',
  })
  const body = { method: 'POST', body: Buffer.from('x') }
  const refusal = (code: string) => ['request:', `refusal:server.serverproxy.${code}`]
  const unknown = (code: string) => ['request:', `outcome-unknown:server.serverproxy.${code}`]

  for (const code of ['access_denied', 'signature_verification.invalid_signature_value']) {
    made.peer = () => made.faultOf(fault(code))
    const passedOn = await fails(t, 'peer_fault', refusal(code), body, `X-Road says ${code}`)
    t.match(passedOn.received, fault(code), 'passed on as it came')
    t.equal(log.records.at(-1)?.signature, undefined)
  }
  for (const code of [
    'service_failed',
    'service_failed.access_denied',
    'service_timeout',
    'internal_error',
    'io_error',
    'cannot_create_signature',
    'logging_failed',
    'replayed_request',
  ]) {
    made.peer = () => made.faultOf(fault(code))
    await fails(t, 'peer_fault', unknown(code), body, `${code} says nothing about the call`)
  }
  for (const hash of ['whole', 'early'] as const) {
    made.peer = async (received) =>
      made.faultOf(fault('service_failed'), await made.signRefusal(fault('service_failed'), received, hash))
    await fails(t, 'peer_fault', refusal('service_failed'), body, `its signed word, ${hash}`)
    t.match(log.records.at(-1), {
      direction: 'in',
      peer: world.provider.id,
      message: /^concordat-refusal-v1/,
      answers: 0,
    })
    made.peer = async (received) =>
      made.faultOf(fault('service_failed'), await made.signRefusal(fault('service_timeout'), received, hash))
    await fails(t, 'peer_fault', unknown('service_failed'), body, 'signed for something else')
  }
  made.peer = async (received) =>
    made.faultOf(
      fault('replayed_request'),
      await made.signRefusal(fault('replayed_request'), received, 'whole'),
    )
  await fails(
    t,
    'peer_fault',
    unknown('replayed_request'),
    body,
    'a copy was refused: the first one was taken',
  )
  made.peer = () => made.faultOf(fault('service_failed'), Buffer.from('<junk'))
  await fails(t, 'peer_fault', unknown('service_failed'), body, 'no signature at all')

  const thrown: [unknown, string, string][] = [
    [new NotSent(new Fault('incorrect_validation_info')), 'incorrect_validation_info', 'refusal'],
    [new Fault('incorrect_validation_info'), 'incorrect_validation_info', 'outcome-unknown'],
    [new NotSent(new Fault('network_error')), 'network_error', 'refusal'],
    [new Fault('connection_lost'), 'connection_lost', 'outcome-unknown'],
    [new Fault('peer_timeout'), 'peer_timeout', 'outcome-unknown'],
    [new Error('a mistake of ours'), 'internal_error', 'outcome-unknown'],
  ]
  for (const [cause, code, kind] of thrown) {
    made.peer = () => {
      throw cause
    }
    await fails(t, code, ['request:', `${kind}:${code}`])
  }
  log.fail = ({ kind }) => (kind === 'request' ? undefined : new Fault('logging_failed'))
  made.peer = () => {
    throw new Fault('connection_lost')
  }
  await fails(t, 'connection_lost', ['request:'], {}, 'the first fault is told, recovery closes the record')
  made.peer = honest
  await fails(t, 'reply_not_logged', ['request:'], {}, 'no reply leaves that is not on record')
  log.fail = undefined
  const locked = {
    ...rooms,
    authenticationIdentity: () => {
      throw new Fault('token_not_active')
    },
  }
  log.records.length = 0
  await t.rejects(exchange(made.arrival(), locked), { code: 'token_not_active' })
  t.strictSame(log.told(), ['request:', 'refusal:token_not_active'], 'nothing was sent')

  t.ok(saysNotCalled('Server.ServerProxy.Access_Denied'))
  for (const type of [
    'client.access_denied',
    'server.clientproxy.access_denied',
    'server.serverproxy.x',
    '',
    'server.serverproxy.access_denied_not',
  ])
    t.notOk(saysNotCalled(type), type)
  const long = new PeerRefusal(fault('x'), world.provider.id, { refusal: 'A'.repeat(100_000) })
  t.equal(long.signatures, undefined)
})

t.test(
  'without the contract that it needs a request does not leave; with it the record names it',
  async (t) => {
    const terms = { contract: 'c0ffee/2', logLevel: 'digest', keepDays: 30 } as const
    let says: () => RecordTerms = () => terms
    const before = rooms.contracts
    t.teardown(() => Object.assign(rooms, { contracts: before }))
    Object.assign(rooms, { contracts: { contractFor: () => says() } })
    await exchange(made.arrival(), rooms)
    t.match(log.records, [terms, terms], 'both are kept as it says')
    const [held, answered] = log.records.map(({ circumstances }) => circumstances)
    t.match(held?.document, /^\{"authentication":"NOSSL","side":"consumer","version":1\}$/)
    t.equal(answered, held)
    says = () => {
      throw new Fault('contract_required')
    }
    await fails(t, 'contract_required', [], { body: Buffer.alloc(70_000) })
    t.equal(made.received.length, 1)
  },
)
