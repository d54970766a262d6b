/**
 * More load than is comfortable: bodies of hundreds of megabytes, hundreds of uploads at once, slow or silent
 * clients, a peer beyond its quota. Memory stays bounded, and well-behaved clients are served.
 */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import tls from 'node:tls'
import t, { type Test } from 'tap'
import { drawFrom } from '../fakes/hostile-values.ts'
import { addService } from '../fakes/provider-system.ts'
import { readLog, storyOf } from '../message-logs.ts'
import { prepareInstance, systemOf } from '../processes.ts'
import type { ServerName } from '../world.ts'

const MB = 1024 * 1024
const LARGE = 256 * MB
/**
 * If the bodies were kept in memory, the growth would be their total size; garbage that a busy machine has
 * not collected yet is less.
 */
const MOST_GROWTH = 0.5
const SLOW = 10
const SLOW_BYTES = 20 * MB
const CROWD = 300
const UPLOADS = 200
const UPLOAD_BYTES = MB / 2
/**
 * Handshakes at once. The server ends one that takes longer than 10 s, when there is nothing yet that could
 * carry a fault; on a busy machine this client needs longer for hundreds at once.
 */
const HANDSHAKES = 16
/**
 * Small calls that are answered meanwhile, to so many callers: a dozen to each, and without turns hardly any.
 */
const CALLERS = 2
const LEAST_MEANWHILE = 10
/**
 * Senders of bodies of middle size, how many each of them sends, and the bounds of their sizes: up to 1 MiB
 * they stay in memory that is used again.
 */
const SENDERS = 6
const EACH = 10
const MIDDLE_SIZES = [70_000, 1.2 * MB] as const

const instance = await prepareInstance()
t.teardown(() => instance.stop())
const { population, tax, business } = instance.servers
const target = `/r1/${population.client}/echo`
const piece = randomBytes(MB)

/** `bytes` of the same noise, the first time from its octet `from` on, without keeping them in memory. */
function* noise(bytes: number, from = 0): Generator<Buffer> {
  for (let sent = 0, at = from; sent < bytes; sent += piece.length - at, at = 0)
    yield piece.subarray(at, at + bytes - sent)
}

async function digestOf(content: Readable): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of content as AsyncIterable<Buffer>) hash.update(chunk)
  return hash.digest('hex')
}

/**
 * The provider's system: reads the whole body, returns its digest in a header, and answers with as many bytes
 * as the path says, from the octet of the noise that it may name before.
 */
const system = http.createServer((request, response) => {
  const answer = async (): Promise<void> => {
    const digest = await digestOf(request)
    const [, from, bytes] = (/(?:(\d+)\/)?(\d+)$/.exec(request.url ?? '') ?? []).map(Number)
    response.writeHead(200, { 'X-Digest': digest, 'Content-Length': bytes ?? 0 })
    await pipeline(Readable.from(noise(bytes ?? 0, from || 0)), response)
  }
  // Whoever gives up breaks its exchange off here as well.
  answer().catch(() => response.destroy())
})
// With Node's 5 s this system, on a busy machine, closes a connection on which its server, which keeps it for
// 4 s, sends the next call.
system.keepAliveTimeout = 60_000
await new Promise<void>((resolve) => void system.listen(0, instance.address(40), resolve))
t.teardown(() => system.closeAllConnections())
t.teardown(() => system.close())

await Promise.all([instance.start('trust'), instance.start('registry')])
// A large transfer takes as long as the machine needs; a stalled one is detected by its silence all the same.
await Promise.all([
  instance.start('population'),
  instance.start('tax', { CONCORDAT_LIMITS_REPLY_TIMEOUT_SECONDS: '500' }),
  instance.start('business'),
])
await instance.publish()
await addService(instance.admin.population, {
  provider: population.client,
  serviceCode: 'echo',
  url: `http://${instance.address(40)}:${(system.address() as AddressInfo).port}`,
  grants: [{ client: tax.client }, { client: business.client }],
  timeoutMs: 500_000,
})

const secureContext = tls.createSecureContext(systemOf(tax))

type Sent = { connected: Promise<unknown>; answer: Promise<http.IncomingMessage>; giveUp(): void }

/**
 * Sends a body of `bytes` (a GET without one) and returns the answer; its body is not read yet. The request's
 * body waits for `start`, its head does not.
 */
const send = (path: string, bytes: number): Promise<http.IncomingMessage> => begin(path, bytes).answer

function begin(
  path: string,
  bytes: number,
  start: Promise<unknown> = Promise.resolve(),
  content = noise(bytes),
): Sent {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
  const { hostname, port } = new URL(tax.httpsUrl)
  const options: https.RequestOptions & Pick<tls.ConnectionOptions, 'secureContext'> = {
    secureContext,
    host: hostname,
    port,
    path: target + path,
    method: bytes === 0 ? 'GET' : 'POST',
    headers: { 'X-Road-Client': tax.client, ...(bytes === 0 ? {} : { 'Content-Length': bytes }) },
    rejectUnauthorized: false,
    agent: false,
  }
  const request = https.request(options, resolve)
  // The first one counts: a broken connection fails each write that waits.
  request.on('error', reject)
  request.flushHeaders()
  void start.then(() => Readable.from(content).pipe(request))
  const connected = once(request, 'socket').then(([socket]) => once(socket as tls.TLSSocket, 'secureConnect'))
  return { connected, answer: promise, giveUp: () => request.destroy() }
}

/**
 * Watches the memory of both security servers; `growth` returns by how many MB it exceeded its initial value.
 */
function watchMemory(): { growth(): Record<string, number>; stop(): void } {
  const names: ServerName[] = ['population', 'tax']
  const resident = (name: ServerName): number => {
    const status = readFileSync(`/proc/${instance.process(name).pid}/status`, 'latin1')
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024
  }
  const before = names.map(resident)
  const most = [...before]
  const look = (): void => {
    for (const [i, name] of names.entries()) most[i] = Math.max(most[i]!, resident(name))
  }
  const timer = setInterval(look, 50)
  return {
    growth: () => Object.fromEntries(names.map((name, i) => [name, Math.round(most[i]! - before[i]!)])),
    stop: () => clearInterval(timer),
  }
}

/** Asserts that memory grew only by a fraction of the `bytes` that were transferred. */
function checkGrowth(t: Test, memory: ReturnType<typeof watchMemory>, bytes: number): void {
  memory.stop()
  const most = (bytes / MB) * MOST_GROWTH
  for (const [name, growth] of Object.entries(memory.growth()))
    t.ok(growth < most, `memory of ${name} grew by ${growth} MB, at most ${most}`)
}

/** A number of normal exchanges, one after the other; returns the failed ones. */
async function behave(from: ServerName, count: number, agent?: https.Agent): Promise<string[]> {
  const failed: string[] = []
  for (let n = 0; n < count; n++) {
    const { status, headers } = await instance.ask(from, target, { agent })
    if (status !== 200) failed.push(headers['x-road-error'] ?? `${status}`)
  }
  return failed
}

t.test('hundreds of megabytes each way, and memory does not grow with them', async (t) => {
  t.strictSame(await behave('tax', 20), [], 'warm')
  const memory = watchMemory()
  const expected = await digestOf(Readable.from(noise(LARGE)))
  const answer = await send(`/${LARGE}`, LARGE)
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['x-digest'], expected, 'the same bytes there')
  t.equal(await digestOf(answer), expected, 'and back')
  checkGrowth(t, memory, LARGE)
  t.equal(storyOf(await readLog(tax), String(answer.headers['x-road-id'])), 'request, reply')
})

t.test('many uploads at once leave small calls their turn', async (t) => {
  let ended = 0
  const { promise: start, resolve: startAll } = Promise.withResolvers<void>()
  const uploads: Promise<number | string | undefined>[] = []
  const connect = async (): Promise<void> => {
    while (uploads.length < UPLOADS) {
      const { connected, answer } = begin('/0', UPLOAD_BYTES, start)
      const ends = answer.then((one) => one.resume().statusCode, String).finally(() => ended++)
      uploads.push(ends)
      await Promise.race([connected, ends])
    }
  }
  await Promise.all(Array.from({ length: HANDSHAKES }, connect))
  t.equal(ended, 0, 'all are connected')
  // The small calls take turns with the uploads on connections that are kept: how long a new one takes is
  // another question.
  const agent = new https.Agent({ keepAlive: true, maxSockets: CALLERS })
  t.teardown(() => agent.destroy())
  const callers = Array.from({ length: CALLERS })
  const failed = (await Promise.all(callers.map(() => behave('tax', 1, agent)))).flat()
  startAll()
  let meanwhile = 0
  const call = async (): Promise<void> => {
    while (ended < UPLOADS) {
      failed.push(...(await behave('tax', 1, agent)))
      if (ended < UPLOADS) meanwhile += 1
    }
  }
  await Promise.all(callers.map(call))
  t.strictSame([...new Set(await Promise.all(uploads))], [200], 'all of them are carried out')
  t.strictSame(failed, [])
  t.ok(meanwhile >= LEAST_MEANWHILE, `${meanwhile} small calls were answered meanwhile`)
})

t.test(
  'bodies of middle size, some of them given up and some read slowly, arrive octet for octet',
  async (t) => {
    const agent = new https.Agent({ keepAlive: true })
    t.teardown(() => agent.destroy())
    const wrong: string[] = []
    let whole = 0
    const exchange = async (draw: ReturnType<typeof drawFrom>): Promise<void> => {
      const between = (least: number, most: number): number =>
        Math.floor(least + draw.next() * (most - least))
      const [up, down] = [between(...MIDDLE_SIZES), between(...MIDDLE_SIZES)]
      const [from, back] = [between(0, MB), between(0, MB)]
      const how = draw.pick(['whole', 'whole', 'slow', 'no request', 'no answer'] as const)
      const cutAt = between(0, up)
      function* content(): Generator<Buffer> {
        const step = between(500, 100_000)
        const bytes = Buffer.concat([...noise(up, from)])
        for (let at = 0; at < up; at += step) {
          if (how === 'no request' && at >= cutAt) giveUp()
          yield bytes.subarray(at, at + step)
        }
      }
      const { answer, giveUp } = begin(`/${back}/${down}`, up, undefined, content())
      if (how === 'no request') return void (await answer.then((one) => one.destroy()).catch(() => undefined))
      const got = await answer
      const what = `${how}: ${up} octets from ${from}, ${down} from ${back}`
      if (got.headers['x-digest'] !== (await digestOf(Readable.from(noise(up, from)))))
        wrong.push(`${what}: ${got.headers['x-road-error'] ?? 'another request'}`)
      const chunks: Buffer[] = []
      for await (const chunk of got as AsyncIterable<Buffer>) {
        chunks.push(chunk)
        if (how === 'no answer') return void got.destroy()
        // What others bring meanwhile must not show in what waits.
        if (how === 'slow' && chunks.length <= 2) wrong.push(...(await behave('tax', 1, agent)))
      }
      if (!Buffer.concat(chunks).equals(Buffer.concat([...noise(down, back)])))
        wrong.push(`${what}: another answer`)
      whole += 1
    }
    const sender = async (_: unknown, i: number): Promise<void> => {
      const draw = drawFrom(i)
      for (let n = 0; n < EACH; n++) await exchange(draw)
    }
    await Promise.all(Array.from({ length: SENDERS }, sender))
    t.strictSame(wrong, [])
    t.ok(whole > SENDERS, `${whole} of ${SENDERS * EACH} came whole`)
  },
)

t.test('slow readers', async (t) => {
  const memory = watchMemory()
  const answers = await Promise.all(Array.from({ length: SLOW }, () => send(`/${SLOW_BYTES}`, 0)))
  for (const answer of answers) answer.pause()
  t.strictSame(await behave('tax', 30), [], 'others are served meanwhile')
  checkGrowth(t, memory, SLOW * SLOW_BYTES)
  t.equal(await digestOf(answers[0]!), await digestOf(Readable.from(noise(SLOW_BYTES))), 'late is not lost')
  for (const answer of answers) answer.destroy()
  t.strictSame(await behave('tax', 1), [])
})

t.test('a crowd that says nothing, or only the beginning, or a byte now and then', async (t) => {
  const plain = { host: tax.address, port: Number(new URL(tax.httpUrl).port) }
  const secure = { host: tax.address, port: Number(new URL(tax.httpsUrl).port), rejectUnauthorized: false }
  const beginning = `POST ${target} HTTP/1.1\r\nHost: ${tax.address}\r\nX-Road-Client: ${tax.client}\r\n`
  const timers: NodeJS.Timeout[] = []
  const crowd = Array.from({ length: CROWD }, (_, i) => {
    // Not a byte of a TLS handshake, on the port for peers.
    if (i % 3 === 0) return net.connect({ host: population.address, port: population.messagePort })
    if (i % 3 === 1) return tls.connect(secure)
    const socket = net.connect(plain, () => {
      socket.write(beginning)
      timers.push(setInterval(() => socket.write('X: y\r\n'), 1000))
    })
    return socket
  })
  const gone = crowd.map((socket) => once(socket.on('error', () => undefined).resume(), 'close'))
  t.strictSame(await behave('tax', 50), [], 'honest clients are served meanwhile')
  await Promise.all(gone)
  for (const timer of timers) clearInterval(timer)
  t.pass('the crowd was sent away')
  t.strictSame(await behave('tax', 1), [])
})

t.test('one peer beyond its quota', async (t) => {
  // So low that even a slow machine exceeds it; the normal exchanges below stay within the burst.
  await instance.process('population').stop()
  await instance.start('population', { CONCORDAT_PEERS_PER_SECOND: '5' })
  const agent = new https.Agent({ keepAlive: true, maxSockets: HANDSHAKES })
  t.teardown(() => agent.destroy())
  const flood = Promise.all(Array.from({ length: 100 }, () => instance.ask('tax', target, { agent })))
  const others = await behave('business', 4)
  const answers = await flood
  const refused = answers.filter(({ status }) => status !== 200)
  t.ok(refused.length > 0, `${refused.length} of ${answers.length} were too many`)
  t.strictSame(
    [...new Set(refused.map(({ headers }) => headers['x-road-error']))],
    ['server.serverproxy.too_many_requests'],
  )
  t.ok(
    refused.every(({ headers }) => headers['retry-after'] === '1'),
    'each is told when to ask again',
  )
  t.strictSame(others, [], 'another peer does not notice')
  t.ok(refused.length < answers.length, 'and the noisy one gets its share')
})
