/** The wire between servers: accepted peers, the shape of messages, what a signature proves, limits. */
import { randomBytes, randomUUID } from 'node:crypto'
import net from 'node:net'
import { Readable } from 'node:stream'
import { connect as tlsConnect } from 'node:tls'
import t from 'tap'
import { closeDelimiter, newBoundary, partHead } from '#core/transport/multipart-writer.ts'
import { heldMemory } from '#platform/held-memory.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import { PART_TYPE } from '#schemas/wire.ts'
import { until } from '#test/until.ts'
import { createRateCheck } from '../message/minimum-rate.ts'
import { REST_PART, rest } from '../message/rest.ts'
import { createServerChoice } from './choose-server.ts'
import { createConcurrencyLimit } from './concurrency-limit.ts'
import { factsOf } from './log-facts.ts'
import { bodyOf, createPeerWorld, POPULATION, requestOf, TAX } from './peer-fixture.ts'
import { readMessage } from './read-message.ts'
import { createMessageSigner } from './sign-message.ts'
import { tlsCredentials } from './tls-profile.ts'
import { createVerdictCache } from './verdict-cache.ts'
import { createMessageVerifier } from './verify-message.ts'
import { clientOf, listen, onlySs2, PORTS, REQUEST, textOf } from './wire-fixture.ts'
import { writeMessage } from './write-message.ts'

const world = await createPeerWorld(t)

t.test('the listener: who may connect, and for how long', async (t) => {
  world.restore()
  const { app, server } = await listen(t, world, world.provider, { mostOfOne: 4 })
  const where = { host: server.address, port: PORTS.messagePort, rejectUnauthorized: false } as const
  const credentials = tlsCredentials(world.consumer.keys.authenticationIdentity())
  const ask = (more: object): Promise<string> =>
    new Promise((resolve) => {
      const socket = tlsConnect({ ...where, ...more })
      let text = ''
      socket.on('error', () => resolve('error'))
      socket.on('close', () => resolve(text))
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        resolve(text)
      })
      socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n')
    })
  t.match(await ask(credentials), /^HTTP\/1\.1 200/)
  t.notMatch(await ask({}), /^HTTP/, 'no certificate')
  t.notMatch(await ask({ ...credentials, maxVersion: 'TLSv1.2' }), /^HTTP/, 'TLS 1.2')
  const raw = net.connect(PORTS.messagePort, server.address)
  raw.on('error', () => undefined)
  raw.write('this is no TLS')
  await new Promise((resolve) => raw.once('close', resolve))

  const idle = [1, 2, 3, 4].map(() => tlsConnect({ ...where, ...credentials }).on('error', () => undefined))
  await Promise.all(idle.map((one) => new Promise((resolve) => one.once('secureConnect', resolve))))
  t.notMatch(await ask(credentials), /^HTTP/, 'one certificate has only its part of the connections')
  const other = tlsCredentials(world.second.keys.authenticationIdentity())
  t.match(await ask(other), /^HTTP/, 'and another one its own')
  for (const one of idle) one.destroy()
  await until('its turn when it lets go', async (saw) => /^HTTP/.test(saw(await ask(credentials))))

  const open = tlsConnect({ ...where, ...credentials })
  open.on('error', () => undefined)
  open.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n')
  await new Promise((resolve) => open.once('data', resolve))
  const closed = new Promise((resolve) => open.once('close', resolve))
  world.reconfigure((shared) => ({
    ...shared,
    securityServers: shared.securityServers.filter((one) => one.id.serverCode !== 'ss1'),
  }))
  await closed
  t.pass('the connection of a server that left was ended')
  t.ok(app.server.listening)
})

t.test("X-Road's TLS profile is for those whom the operator names", async (t) => {
  world.restore()
  onlySs2(world)
  const ss1 = idText(world.consumer.id)
  const seen: (string | null)[] = []
  await listen(t, world, world.provider, {
    tls12: [ss1],
    answer: (request, reply) => {
      seen.push((request.raw.socket as unknown as { getProtocol(): string | null }).getProtocol())
      request.raw.resume()
      return reply.send('fine')
    },
  })
  const client = clientOf(t, world, { tls12: [idText(world.provider.id)] })
  t.equal(await textOf((await client.post(REQUEST)).content), 'fine')
  t.strictSame(seen, ['TLSv1.3'], 'the newer one is taken where both have it')
})

t.test('who is fastest is asked once, and remembered', async (t) => {
  world.restore()
  const choice = createServerChoice({ port: 5500, connectTimeoutMs: 5_000, clock: world.clock })
  const from: (number | undefined)[] = []
  const listener = net.createServer((one) => void from.push(one.on('error', () => undefined).remotePort))
  await new Promise<void>((resolve) => listener.listen(5500, world.second.address, resolve))
  t.teardown(() => listener.close())
  /** A listener takes connections in their order: when it has this one, it has all of the races. */
  const races = async (): Promise<number> => {
    const last = net.connect(5500, world.second.address)
    await until('the last connection', (saw) => last.localPort && saw(from).includes(last.localPort))
    last.destroy()
    from.pop()
    return from.length
  }
  const snapshot = world.globalConfiguration.current()
  const ten = Array.from({ length: 10 }, () => choice.choose({ provider: POPULATION, snapshot }))
  const chosen = await Promise.all(ten)
  t.ok(chosen.every(([best, next]) => best?.id.serverCode === 'ss3' && next?.id.serverCode === 'ss2'))
  await choice.choose({ provider: POPULATION, snapshot })
  t.equal(await races(), 1, 'one race')
  choice.drop(world.second.id)
  await choice.choose({ provider: POPULATION, snapshot })
  t.equal(await races(), 2, 'a choice that failed is made anew')
  const inMaintenance = (message: string | undefined): void =>
    world.reconfigure((shared) => ({
      ...shared,
      securityServers: shared.securityServers.map((one) => ({ ...one, maintenance: { message } })),
    }))
  inMaintenance('until noon')
  await t.rejects(choice.choose({ provider: POPULATION, snapshot: world.globalConfiguration.current() }), {
    code: 'maintenance_mode',
    what: 'until noon',
  })
})

type Part = [type: string, content: Buffer | string]

function multipart(parts: Part[], end = true): { contentType: string; bytes: Buffer } {
  const boundary = newBoundary('xtop')
  const pieces = parts.flatMap(([type, content], i) => [
    partHead(boundary, type, i === 0),
    Buffer.from(content),
  ])
  const bytes = Buffer.concat(end ? [...pieces, closeDelimiter(boundary)] : pieces)
  return { contentType: `multipart/mixed; charset=UTF-8; boundary=${boundary}`, bytes }
}

t.test('a transport message has one shape', async (t) => {
  world.restore()
  const limits = { maxMessageBytes: 1000, maxSoapBytes: 1000, maxBodyBytes: 500_000 }
  const read = (parts: Part[], o: { end?: boolean; cut?: number } = {}) => {
    const { contentType, bytes } = multipart(parts, o.end)
    const source = Readable.from([bytes.subarray(0, o.cut ?? bytes.length)], { objectMode: false })
    const tooSlow = 'request_timeout'
    return readMessage({
      source,
      contentType,
      codec: rest,
      half: 'request',
      onMessage: () => undefined,
      spool: world.spool,
      limits,
      tooSlow,
    })
  }
  const ocsp: Part = [PART_TYPE.ocsp, 'o']
  const message: Part = [PART_TYPE.restRequest, 'm']
  const body: Part = [PART_TYPE.restBody, 'b']
  const large: Part = [PART_TYPE.restBody, randomBytes(400_000)]
  const result: Part = [PART_TYPE.hashChainResult, 'r']
  const chain: Part = [PART_TYPE.hashChain, 'c']
  const signature: Part = [PART_TYPE.signature, 's']
  const fault: Part = ['text/xml', '<no/>']
  const whole = await read([ocsp, ocsp, message, body, result, chain, signature])
  t.match(whole, {
    ocspResponses: { length: 2 },
    body: { size: 1 },
    signature: { signatures: Buffer.from('s') },
  })
  t.equal((await read([message, signature])).body, undefined)
  t.equal(
    (await read([message, [PART_TYPE.restBody, ''], signature])).body?.size,
    0,
    'an empty body is a body',
  )
  const wrong: [string, Part[], string][] = [
    ['nothing follows the signature', [message, signature, body], 'invalid_message'],
    ['a second signature', [message, signature, signature], 'invalid_message'],
    ['a second message', [message, message, signature], 'invalid_message'],
    ['a second body', [message, large, large, signature], 'invalid_message'],
    ['the body first', [body, message, signature], 'invalid_message'],
    ['OCSP after the message', [message, ocsp, signature], 'invalid_message'],
    ['a response for a request', [[PART_TYPE.restResponse, 'm'], signature], 'invalid_message'],
    ['an unknown part', [message, ['text/plain', 'x'], signature], 'invalid_message'],
    [
      'eleven OCSP responses',
      [...Array.from({ length: 11 }, () => ocsp), message, signature],
      'invalid_message',
    ],
    [
      'large OCSP responses',
      [...Array.from({ length: 3 }, (): Part => [PART_TYPE.ocsp, 'o'.repeat(50_000)]), message, signature],
      'invalid_message',
    ],
    ['a long message', [[PART_TYPE.restRequest, 'm'.repeat(1001)], signature], 'invalid_message'],
    ['a long signature', [message, [PART_TYPE.signature, 's'.repeat(300_000)]], 'invalid_message'],
    [
      'a body over the limit',
      [message, [PART_TYPE.restBody, randomBytes(500_001)], signature],
      'body_too_large',
    ],
    ['half a hash chain', [message, large, result, signature], 'malformed_hash_chain'],
    ['no signature', [ocsp, message, large], 'missing_signature'],
    ['no message', [ocsp, signature], 'invalid_message'],
    ['nothing but OCSP', [ocsp], 'missing_rest'],
    ['a fault that is none', [message, large, fault], 'invalid_message'],
  ]
  for (const [what, parts, code] of wrong) await t.rejects(read(parts), { code }, what)
  await t.rejects(read([message, large, signature], { end: false }), { code: 'mime_parsing_failed' })
  await t.rejects(read([message, large, signature], { cut: 300_000 }), { code: 'mime_parsing_failed' })
  t.strictSame(world.bodyFiles(), [], 'no body is left behind')
})

t.test('a signature proves its message: alone, with a body, in a batch', async (t) => {
  world.restore()
  const sign = createMessageSigner({ keys: world.consumer.keys, clock: world.clock })
  const verify = createMessageVerifier()
  const member = memberOf(TAX)
  const digest = async (bytes: Buffer): Promise<Buffer> => (await bodyOf(world, bytes)).sha512
  const make = async (text: string, bodyText?: string) => {
    const message = Buffer.from(text)
    const body = bodyText === undefined ? undefined : await bodyOf(world, bodyText)
    return { message, messageSha512: await digest(message), body }
  }
  const snapshot = world.globalConfiguration.current()
  const check = (parts: Parameters<typeof verify>[0]['parts'], at = world.clock(), arrived?: number) =>
    verify({ parts, member, snapshot, at, ...(arrived === undefined ? {} : { arrived }) })

  const single = await make('one')
  const { signature } = await sign(member, single)
  t.equal(signature.hashChain, undefined, 'one message without a body needs no chain')
  await check({ ...single, signature })
  const batch = await Promise.all([make('a'), make('b', 'body'), make('c', 'x'.repeat(100_000))])
  const [signatures, alone] = await Promise.all([
    Promise.all(batch.map(async (one) => (await sign(member, one)).signature)),
    sign(member, single, { alone: true }).then((one) => one.signature),
  ])
  t.ok(
    signatures.every((one) => one.signatures.equals(signatures[0]!.signatures)),
    'signed together',
  )
  t.equal(alone.hashChain, undefined, 'but what has to stand alone')
  await check({ ...single, signature: alone })
  for (const [i, one] of batch.entries()) await check({ ...one, signature: signatures[i]! })

  const [a, b] = batch
  const swapped = [
    { ...a, signature: signatures[1]! },
    { ...b, signature: signatures[0]! },
    { ...b, body: undefined, signature: signatures[1]! },
    { ...b, body: await bodyOf(world, 'other'), signature: signatures[1]! },
    { ...single, body: await bodyOf(world, 'smuggled'), signature },
    { ...single, messageSha512: await digest(Buffer.from('two')), signature },
  ]
  for (const [i, parts] of swapped.entries())
    await t.rejects(check(parts), { name: 'Fault' }, `a part that was not signed, ${i}`)
  for (const { body } of batch) await body?.discard()
  const of = { ...single, signature }
  await t.rejects(verify({ parts: of, member: memberOf(POPULATION), snapshot, at: world.clock() }), {
    code: 'incorrect_certificate',
  })
  const [minute, now] = [60_000, world.clock()]
  await t.rejects(check(of, now + 6 * minute), { code: 'stale_request' })
  await t.rejects(check(of, now - 6 * minute), { name: 'Fault' })
  await check(of, now + 20 * minute, now)
  await t.rejects(check(of, now + 20 * minute, now + 6 * minute), { code: 'stale_request' }, 'it came late')
  await check(of, now + 70 * minute, now)
  await t.rejects(
    check(of, now + 70 * minute, now + 65 * minute),
    { code: 'incorrect_validation_info' },
    'its status had run out before it came',
  )
  world.reconfigure((shared) => ({ ...shared, approvedCas: [] }))
  await t.rejects(verify({ parts: of, member, snapshot: world.globalConfiguration.current(), at: now }), {
    code: 'invalid_cert_path',
  })
  await t.rejects(sign(memberOf(POPULATION), single), { name: 'Fault' }, 'no key of that member')
  await t.rejects(sign(member, single), { name: 'Fault' }, 'its CA is gone')
})

t.test('what is written is what is read', async (t) => {
  world.restore()
  const { bytes: message } = requestOf({ requestId: randomUUID() })
  for (const size of [undefined, 0, 10, 300_000]) {
    const body = size === undefined ? undefined : await bodyOf(world, randomBytes(size))
    const written = writeMessage({
      codec: rest,
      part: REST_PART.request,
      ocspResponses: [Buffer.from('o')],
      message,
      body,
      signature: { signatures: Buffer.from('s') },
    })
    for (let time = 0; time < 2; time++) {
      const content = written.content()
      const read = await readMessage({
        source: Buffer.isBuffer(content) ? Readable.from([content], { objectMode: false }) : content,
        contentType: written.contentType,
        codec: rest,
        half: 'request',
        onMessage: () => undefined,
        spool: world.spool,
        limits: { maxMessageBytes: 10_000, maxSoapBytes: 10_000, maxBodyBytes: 1e6 },
        tooSlow: 'request_timeout',
      })
      t.ok(read.message.equals(message))
      t.strictSame(read.body?.sha512, body?.sha512, `${size} bytes`)
      await read.body?.discard()
    }
    await body?.discard()
  }
  t.strictSame(world.bodyFiles(), [])
})

t.test('whom we send to, however large, has to take it', async (t) => {
  world.restore()
  t.teardown(heldMemory.reserve(1e9))
  const { bytes: message } = requestOf({ requestId: randomUUID() })
  const body = await bodyOf(world, randomBytes(300_000))
  const { content } = writeMessage({
    ...{ codec: rest, part: REST_PART.request, ocspResponses: [], message, body },
    signature: { signatures: Buffer.from('s') },
  })
  const real = performance.now
  t.teardown(() => Object.assign(performance, { now: real }))
  const taken = async (): Promise<number> => {
    let bytes = 0
    for await (const chunk of content()) {
      bytes += (chunk as Buffer).length
      const at = performance.now() + 100_000
      performance.now = () => at
    }
    return bytes
  }
  await t.rejects(taken(), { code: 'peer_timeout' })
  performance.now = real
  await body.discard()
  t.strictSame(world.bodyFiles(), [])
})

t.test('how many at once, how slow, verdicts, and what a log line says', async (t) => {
  const places = { atOnce: 2, waiting: 1, what: 'x' }
  const limit = createConcurrencyLimit({ ...places, waitMs: 600_000 })
  const [one, two] = [await limit.take(), await limit.take()]
  const third = limit.take()
  await t.rejects(limit.take(), { code: 'service_unavailable' }, 'the queue is full')
  one()
  one()
  const leave = await third
  const fourth = limit.take()
  await t.rejects(limit.take(), { code: 'service_unavailable' }, 'twice left is left once: one waits again')
  two()
  leave()
  const leaveLast = await fourth
  leaveLast()
  const again = await Promise.all([limit.take(), limit.take()])
  for (const end of again) end()
  const impatient = createConcurrencyLimit({ ...places, waitMs: 20 })
  await Promise.all([impatient.take(), impatient.take()])
  await t.rejects(impatient.take(), { code: 'service_unavailable' }, 'nobody waits for ever')

  let now = 0
  const checkRate = createRateCheck('request_timeout', () => now)
  checkRate(Buffer.alloc(1))
  now = 60_000
  checkRate(Buffer.alloc(1))
  now = 160_000
  t.throws(() => checkRate(Buffer.alloc(1)), { code: 'request_timeout' })
  const quick = createRateCheck('request_timeout', () => now)
  now = 1_000_000
  quick(Buffer.alloc(1_000_000))

  const cache = createVerdictCache<{ validUntil: number }>(2)
  for (const key of ['a', 'b', 'c']) cache.set(key, { validUntil: 10 })
  t.equal(cache.get('a', 1), undefined, 'the oldest went')
  t.ok(cache.get('c', 9))
  t.equal(cache.get('c', 10), undefined)

  const code = '010190-123X'
  const secret = [
    new Fault('unknown_service', { what: `DEV/GOV/1/p/${code}`, cause: new Error(code) }),
    new Fault('invalid_client_identifier', { what: code }),
    new Fault('preview_required', { what: `Preview-Reference: ${code}` }),
    new Fault('invalid_header', { what: `x-${code} is not plain ASCII` }),
    new Fault('peer_fault', {}, { type: `server.${code}<`, message: code, detail: `${code} not found` }),
  ]
  for (const fault of secret) t.notMatch(JSON.stringify(factsOf(fault)), code)
  t.match(factsOf(new Fault('service_failed', { what: 'x', cause: new Error('why') })), {
    outcome: 'service_failed',
    what: 'x',
    cause: { message: 'why', stack: undefined },
  })
  t.end()
})
