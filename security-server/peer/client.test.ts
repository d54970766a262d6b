/**
 * Calling a peer: it is verified before the first byte, a request is sent once, and waiting requests are
 * bounded. Real certificates, real TLS sockets.
 */
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import net from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { connect as tlsConnect } from 'node:tls'
import t from 'tap'
import { readStream } from '#core/transport/read-stream.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import { until } from '#test/until.ts'
import { chainOf } from './mutual-tls.ts'
import { authenticationCertificate, createPeerWorld, POPULATION } from './peer-fixture.ts'
import { sayProcessing } from './say-processing.ts'
import { tlsCredentials } from './tls-profile.ts'
import { authenticationPath, createPeerVerifier } from './verify-peer.ts'
import {
  type Answer,
  bytesOf,
  clientOf,
  fails,
  listen,
  onlySs2,
  PORTS,
  REQUEST,
  textOf,
} from './wire-fixture.ts'

const world = await createPeerWorld(t)

t.test('the peer is verified before the first byte and with every change', async (t) => {
  world.restore()
  onlySs2(world)
  const { asked } = await listen(t, world, world.provider)
  const client = clientOf(t, world)
  const reply = await client.post(REQUEST)
  t.equal(await textOf(reply.content), 'fine')
  t.equal(idText(reply.server), idText(world.provider.id))
  await Promise.all(Array.from({ length: 20 }, async () => textOf((await client.post(REQUEST)).content)))
  t.equal(asked(), 21)

  const registered = world.globalConfiguration.current().index.shared
  const hashes = (of: Buffer[]) =>
    world.reconfigure(() => ({
      ...registered,
      securityServers: registered.securityServers.map((one) =>
        one.id.serverCode === 'ss2' ? { ...one, authCertHashes: of } : one,
      ),
    }))
  hashes([])
  await fails(t, client.post(REQUEST), 'unknown_peer', false, 'its certificate left the configuration')
  world.reconfigure(() => registered)
  t.equal(await textOf((await client.post(REQUEST)).content), 'fine', 'it came back')
  world.reconfigure(() => ({
    ...registered,
    securityServers: registered.securityServers.map((one) =>
      one.id.serverCode === 'ss2'
        ? { ...one, authCertHashes: registered.securityServers[2]!.authCertHashes }
        : one.id.serverCode === 'ss3'
          ? { ...one, authCertHashes: registered.securityServers[1]!.authCertHashes }
          : one,
    ),
  }))
  await fails(t, client.post(REQUEST), 'unknown_peer', false, 'the certificate of another server')
  world.reconfigure(() => ({ ...registered, approvedCas: [] }))
  await fails(t, client.post(REQUEST), 'invalid_cert_path', false, 'its CA is approved no more')
  world.outage = new Fault('global_conf_outdated')
  await fails(t, client.post(REQUEST), 'global_conf_outdated', false)
  world.outage = undefined
  world.reconfigure(() => registered)
  t.equal(await textOf((await client.post(REQUEST)).content), 'fine')
  t.equal(asked(), 23, 'nothing else came through')
})

t.test('a registered certificate of another kind stands for no server', async (t) => {
  world.restore()
  const { keys, id } = world.provider
  const signing = keys.signingIdentity(memberOf(id))
  world.reconfigure((shared) => ({
    ...shared,
    securityServers: shared.securityServers.map((one) =>
      one.id.serverCode === 'ss2'
        ? { ...one, authCertHashes: [Buffer.from(signing.certificate.sha256, 'hex')] }
        : one,
    ),
  }))
  const presented = [signing.certificate, ...signing.intermediates]
  const { ocspResponses } = signing
  const snapshot = world.globalConfiguration.current()
  const judge = () =>
    createPeerVerifier()({ presented, instance: 'DEV', ocspResponses, snapshot, at: world.clock() })
  t.throws(judge, { code: 'incorrect_certificate', what: /not an authentication/ })
  t.throws(() => authenticationPath(presented, snapshot.index, world.clock()), {
    code: 'incorrect_certificate',
  })
})

t.test('an address has only its part of the handshakes that have not ended', async (t) => {
  world.restore()
  const { address } = world.provider
  await listen(t, world, world.provider, { mostHandshakes: 4 })
  const silent = [1, 2, 3, 4].map(() => net.connect(PORTS.messagePort, address))
  await Promise.all(silent.map((one) => new Promise((resolve) => one.once('connect', resolve))))
  const credentials = tlsCredentials(world.consumer.keys.authenticationIdentity())
  const ask = (localAddress: string): Promise<string> =>
    new Promise((resolve) => {
      const where = { host: address, port: PORTS.messagePort, rejectUnauthorized: false, localAddress }
      const socket = tlsConnect({ ...where, ...credentials })
      socket.on('error', () => undefined).on('close', () => resolve('closed'))
      socket.on('data', (chunk: Buffer) => resolve(chunk.toString().slice(0, 12)))
      t.teardown(() => socket.destroy())
      socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n')
    })
  t.equal(await ask('127.0.0.1'), 'closed', 'one too many')
  for (let i = 0; i < 6; i++)
    t.equal(
      await ask('127.0.0.2'),
      'HTTP/1.1 200',
      'another address has its own, and what is open does not count',
    )
  for (const one of silent) one.destroy()
  await until('its turn when it lets go', async (saw) => saw(await ask('127.0.0.1')) === 'HTTP/1.1 200')
})

t.test('a peer without a fresh status is not sent to', async (t) => {
  world.restore()
  onlySs2(world)
  const { asked } = await listen(t, world, world.provider, { ocsp: false })
  const client = clientOf(t, world)
  const hasty = clientOf(t, world, { connectTimeoutMs: 3_000 })
  await fails(t, client.post(REQUEST), 'incorrect_validation_info', false, 'nobody answers')

  let answer: (response: http.ServerResponse) => void = () => undefined
  const sockets = new Set<net.Socket>()
  let questions = 0
  const responder = http.createServer((_request, response) => answer(response))
  responder.on('connection', (socket) => sockets.add(socket)).on('request', () => questions++)
  await new Promise<void>((resolve) => responder.listen(PORTS.ocspPort, world.provider.address, resolve))
  t.teardown(() => responder.close().closeAllConnections())
  const type = 'multipart/related; boundary=b'
  const wrong: [string, typeof answer][] = [
    ['it hangs', () => undefined],
    [
      'it trickles for ever',
      (response) => {
        response.writeHead(200, { 'content-type': type })
        const timer = setInterval(() => response.write('--b'.slice(0, 1)), 50)
        response.once('close', () => clearInterval(timer))
      },
    ],
    ['status 500', (response) => response.writeHead(500).end('x'.repeat(100_000))],
    ['no multipart', (response) => response.end('x')],
    ['garbage', (response) => response.writeHead(200, { 'content-type': type }).end('--b\r\n\r\nx\r\n--b--')],
    [
      'too large',
      (response) =>
        response.writeHead(200, { 'content-type': type }).end(`--b\r\n\r\n${'x'.repeat(200_000)}\r\n--b--`),
    ],
  ]
  for (const [what, how] of wrong) {
    answer = how
    const one = /hangs|for ever/.test(what) ? hasty : client
    // Who is hasty may give up before it has asked, on a machine that stands still for seconds.
    const before = questions
    let asking = one.post(REQUEST)
    while ((await asking.catch(() => questions === before)) === true) asking = one.post(REQUEST)
    await fails(t, asking, 'incorrect_validation_info', false, what)
  }
  const open = (): number => [...sockets].filter((socket) => !socket.destroyed).length
  await until('the end of all but an idle connection', (saw) => saw(open()) <= 1)
  t.equal(asked(), 0)
})

t.test('a status that ran out is asked for again; revoked means ended', async (t) => {
  const world = await createPeerWorld(t)
  onlySs2(world)
  const { asked } = await listen(t, world, world.provider)
  const client = clientOf(t, world)
  t.equal(await textOf((await client.post(REQUEST)).content), 'fine')
  world.skew = 3700 * 1000
  await world.provider.keys.refreshOcsp({ force: true })
  await world.consumer.keys.refreshOcsp({ force: true })
  t.equal(await textOf((await client.post(REQUEST)).content), 'fine', 'asked again')
  world.skew += 120 * 1000
  await world.provider.keys.refreshOcsp({ force: true })
  await world.consumer.keys.refreshOcsp({ force: true })
  world.reconfigure((shared) => ({ ...shared, ocspFreshnessSeconds: 60 }))
  t.equal(
    await textOf((await client.post(REQUEST)).content),
    'fine',
    'and what the registry wants fresher by now',
  )
  world.reconfigure((shared) => ({ ...shared, ocspFreshnessSeconds: 3600 }))
  world.authority.revoke(world.provider.keys.authenticationIdentity().certificate.serialNumber)
  world.skew = 3 * 3700 * 1000
  await fails(t, client.post(REQUEST), 'incorrect_validation_info', false, 'revoked since')
  t.equal(asked(), 3)
})

t.test('a reply is handed out at the pace of its reader', async (t) => {
  world.restore()
  onlySs2(world)
  const body = randomBytes(300_000)
  await listen(t, world, world.provider, {
    answer: (request, reply) => {
      request.raw.resume()
      return reply.send(Readable.from([body.subarray(0, 7), body.subarray(7)], { objectMode: false }))
    },
  })
  const client = clientOf(t, world)
  const readers: [string, () => void | Promise<void>][] = [
    ['at once', () => undefined],
    ['by promises that have settled', () => Promise.resolve()],
    ['slowly', () => wait(1)],
  ]
  for (const [what, pace] of readers) {
    for (const late of [0, 30]) {
      const { content } = await client.post(REQUEST)
      await wait(late)
      const chunks: Buffer[] = []
      await readStream(content, (chunk) => {
        chunks.push(Buffer.from(chunk))
        return pace()
      })
      t.ok(Buffer.concat(chunks).equals(body), `${what}, begun after ${late} ms`)
    }
  }
  const { content } = await client.post(REQUEST)
  const failing = readStream(content, () => Promise.reject(new Fault('io_error')))
  await t.rejects(failing, { code: 'io_error' }, 'what the reader throws comes out')
  content.destroy()
  for (let i = 0; i < 20; i++) (await client.post(REQUEST)).content.destroy()
  t.ok(
    body.equals(await bytesOf((await client.post(REQUEST)).content)),
    'replies given up hold no connection',
  )
})

t.test('a request is sent once', async (t) => {
  world.restore()
  const client = clientOf(t, world)
  const hasty = clientOf(t, world, { replyTimeoutMs: 3_000 })
  await fails(t, client.post(REQUEST), 'network_error', false, 'nobody listens at either server')
  let answer: Answer = (request, reply) => {
    request.raw.resume()
    return reply.send('fine')
  }
  const first = await listen(t, world, world.provider, { answer: (request, reply) => answer(request, reply) })
  t.equal(
    idText((await client.post(REQUEST)).server),
    idText(world.provider.id),
    'the one that listens is chosen',
  )
  const second = await listen(t, world, world.second, { answer: (request, reply) => answer(request, reply) })
  const all = (): number => first.asked() + second.asked()

  const cut: [string, Answer, string][] = [
    ['it closes without an answer', (request) => request.raw.socket.destroy(), 'connection_lost'],
    [
      'half an answer head',
      (request, reply) => {
        reply.hijack()
        request.raw.socket.end('HTTP/1.1 200 OK\r\ncontent-')
      },
      'connection_lost',
    ],
    [
      'headers without end',
      (_request, reply) => reply.header('x-large', 'x'.repeat(200_000)).send('x'),
      'connection_lost',
    ],
    ['it does not answer', () => new Promise(() => undefined), 'peer_timeout'],
    [
      'it only says that it will',
      (request, reply) => {
        reply.hijack()
        const { socket } = request.raw
        const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 5)
        socket.once('close', () => clearInterval(timer))
      },
      'connection_lost',
    ],
  ]
  for (const [what, how, code] of cut) {
    answer = how
    const before = all()
    const one = /does not answer/.test(what) ? hasty : client
    await fails(t, one.post(REQUEST), code, true, what)
    await until('the request at a server', (saw) => saw(all()) > before)
    t.equal(all(), before + 1, 'no second server was asked')
  }

  answer = async (request, reply) => {
    await request.raw.resume().toArray()
    return reply.send('fine')
  }
  const before = all()
  const broken = (code: 'log_inconsistent' | 'peer_timeout') => (): Readable =>
    Readable.from(
      (async function* () {
        yield Buffer.alloc(100_000)
        await wait(50)
        throw new Fault(code)
      })(),
      { objectMode: false },
    )
  const breaks = (code: Parameters<typeof broken>[0]) => client.post({ ...REQUEST, content: broken(code) })
  await fails(t, breaks('log_inconsistent'), 'connection_lost', true, 'our own body breaks midway')
  t.ok(all() <= before + 1, 'not tried again elsewhere')
  await fails(t, breaks('peer_timeout'), 'peer_timeout', true, 'it is not taken')
  await fails(
    t,
    client.post({ ...REQUEST, headers: { 'x-a': 'a\nb' } }),
    'internal_error',
    false,
    'no header',
  )
  t.equal(await textOf((await client.post(REQUEST)).content), 'fine')

  // Longer than it may be silent.
  answer = async (request, reply) => {
    let said = 0
    const write = reply.raw.writeProcessing.bind(reply.raw)
    reply.raw.writeProcessing = () => {
      said++
      write()
    }
    const sayNoMore = sayProcessing(request.raw, reply.raw, 50)
    await request.raw.resume().toArray()
    await until('four seconds of notices', (saw) => saw(said) >= 80)
    sayNoMore()
    return reply.send('at last')
  }
  t.equal(await textOf((await hasty.post(REQUEST)).content), 'at last')
  await fails(t, client.post({ ...REQUEST, wanted: world.consumer.id }), 'invalid_security_server', false)
  await fails(
    t,
    client.post({ ...REQUEST, provider: { ...POPULATION, subsystemCode: 'x' } }),
    'unknown_server',
    false,
  )
})

t.test('a reply that nobody reads holds its connection; a destroyed one gives it back', async (t) => {
  world.restore()
  onlySs2(world)
  const answer: Answer = (_request, reply) => reply.send(Buffer.alloc(3_000_000))
  const { asked } = await listen(t, world, world.provider, { answer })
  const client = clientOf(t, world, { connectionsPerPeer: 1 })
  const held = await client.post(REQUEST)
  // For one connection 16 wait: of one more the first that ends is the one that may not even wait.
  const more = Array.from({ length: 17 }, async () => textOf((await client.post(REQUEST)).content))
  await fails(t, Promise.race(more), 'service_unavailable', false, 'no turn came up')
  t.equal(asked(), 1, 'all others wait')
  held.content.destroy()
  const read = await Promise.allSettled(more)
  t.equal(read.filter((one) => one.status === 'fulfilled' && one.value.length === 3_000_000).length, 16)
})

t.test('a new certificate of ours is presented at once; what runs is finished', async (t) => {
  const world = await createPeerWorld(t)
  onlySs2(world)
  const seen: string[] = []
  const changed = Promise.withResolvers<void>()
  await listen(t, world, world.provider, {
    answer: async (request, reply) => {
      seen.push(chainOf(request)[0]!.sha256)
      request.raw.resume()
      if (seen.length === 2) await changed.promise
      return reply.send('fine')
    },
  })
  const client = clientOf(t, world)
  await textOf((await client.post(REQUEST)).content)
  const running = client.post(REQUEST)
  await until('the request at the peer', () => seen.length === 2)
  const old = world.consumer.keys.authenticationIdentity().certificate
  const notAfter = new Date(old.notAfter.getTime() + 86_400_000)
  const fresh = await authenticationCertificate(world, world.consumer, { notAfter })
  world.reconfigure((shared) => ({
    ...shared,
    securityServers: shared.securityServers.map((one) =>
      one.id.serverCode === 'ss1'
        ? { ...one, authCertHashes: [old.sha256, fresh].map((hash) => Buffer.from(hash, 'hex')) }
        : one,
    ),
  }))
  // Peers may not know the new certificate yet: until then it is presented only when there is no other.
  await world.consumer.keys.setActive(old.sha256, false)
  changed.resolve()
  t.equal(await textOf((await running).content), 'fine')
  await textOf((await client.post(REQUEST)).content)
  t.equal(seen.at(-1), fresh)
})
