/**
 * X-Road's own proxy beside our servers: its client proxy, server proxy and OCSP responder, compiled from its
 * sources, exchange messages with a sandbox in both directions over their own TLS and HTTP, with P-256 and
 * with RSA keys.
 *
 *   sh test/drills/x-road/build.sh <checkout of nordic-institute/X-Road> <folder> node test/drills/x-road.ts
 *   --classes <folder>
 *
 * It needs Java 25, and Maven for the libraries of X-Road. What it found on which version stands in
 * docs/interoperability.md.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Credential, credential } from '../fakes/credentials.ts'
import { addService, startProviderSystem } from '../fakes/provider-system.ts'
import { admitRogue, type Rogue, register } from '../fakes/rogue-server.ts'
import {
  addWsdlServices,
  contentTypeOf,
  echoAttachments,
  envelope,
  multipart,
  wsdl,
} from '../fakes/soap-service.ts'
import { ask, type Question, type Reply, startWorld } from '../world.ts'

const { values } = parseArgs({
  options: { classes: { type: 'string' }, java: { type: 'string', default: 'java' } },
})
if (values.classes === undefined) throw new Error('--classes <folder that x-road/build.sh filled>')
const classes = path.resolve(values.classes)
const XROAD = { last: 4, member: '1004', id: 'DEV/GOV/1004/SS-ROGUE' }
const folder = mkdtempSync(path.join(tmpdir(), 'x-road-'))
const outcomes: { what: string; outcome: string }[] = []
let failed = 0

function say(what: string, isRight: boolean, told: string): void {
  if (!isRight) failed++
  outcomes.push({ what, outcome: isRight ? 'as it should be' : 'WRONG' })
  process.stdout.write(`${isRight ? '   ' : 'NOT'} ${what}: ${told}\n`)
}

const world = await startWorld({ environment: { CONCORDAT_PEERS_XROAD_TLS_PEERS: XROAD.id } })
const system = await startProviderSystem(world.address(40))
try {
  const rogue = await admitRogue(world, XROAD.member, world.address(XROAD.last))
  await offerOurs(rogue)
  for (const algorithm of ['P-256', 'RSA-2048'] as const) {
    if (algorithm === 'RSA-2048') await giveRsa(rogue)
    await world.publish()
    const proxy = await startProxy(rogue)
    try {
      await exchangeAll(rogue, algorithm)
    } finally {
      await proxy.stop()
    }
    await afterRestart(rogue, algorithm)
  }
} finally {
  await system.close()
  await world.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.stdout.write(`${outcomes.length} looks, ${failed} wrong\n`)
process.exitCode = failed === 0 ? 0 : 1

async function offerOurs(rogue: Rogue): Promise<void> {
  const { population, tax } = world.servers
  const provider = population.client
  const grants = [{ client: rogue.client }, { client: tax.client }]
  await addService(world.admin.population, { provider, serviceCode: 'echo', url: system.url, grants })
  await addService(world.admin.population, {
    provider,
    serviceCode: 'forbidden',
    url: system.url,
    grants: [],
  })
  const document = wsdl(`${system.url}/soap`, ['soapEcho'])
  await addWsdlServices(world.admin.population, { provider, document, grants: [rogue.client, tax.client] })
}

async function giveRsa(rogue: Rogue): Promise<void> {
  const wanted = { member: rogue.member, serverCode: 'SS-ROGUE', algorithm: 'RSA-2048' } as const
  rogue.authentication = await credential(world, { ...wanted, profile: 'authentication' })
  rogue.signing = await credential(world, { ...wanted, profile: 'signing' })
  await register(world, rogue, rogue.authentication)
}

type Proxy = { process: ChildProcess; stop(): Promise<void> }

async function startProxy(rogue: Rogue): Promise<Proxy> {
  const place = path.join(folder, 'proxy')
  mkdirSync(path.join(place, 'tmp'), { recursive: true })
  const jetty = path.join(place, 'jetty.xml')
  writeFileSync(
    jetty,
    '<?xml version="1.0"?><!DOCTYPE Configure PUBLIC "-//Jetty//Configure//EN" "https://jetty.org/configure_10_0.dtd"><Configure id="Server" class="org.eclipse.jetty.server.Server"/>',
  )
  const put = (name: string, { certificate, key }: Credential): string => {
    const file = path.join(place, name)
    writeFileSync(`${file}.crt`, certificate.der)
    writeFileSync(`${file}.pem`, key)
    return file
  }
  const settings = {
    'xroad.common.configuration-path': path.join(
      world.servers.tax.directory,
      'configuration/current/globalconf',
    ),
    'xroad.common.temp-files-path': `${place}/tmp/`,
    'xroad.proxy.connector-host': rogue.address,
    'xroad.proxy.server-listen-address': rogue.address,
    'xroad.proxy.ocsp-responder-listen-address': rogue.address,
    'xroad.proxy.jetty-clientproxy-configuration-file': jetty,
    'xroad.proxy.jetty-serverproxy-configuration-file': jetty,
    'xroad.proxy.jetty-ocsp-responder-configuration-file': jetty,
    server: rogue.server,
    member: rogue.member,
    signing: put('signing', rogue.signing),
    authentication: put('authentication', rogue.authentication),
    responder: world.trust.ocspUrl,
    service: system.url,
  }
  const file = path.join(place, 'proxy.properties')
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}`)
      .join('\n'),
  )
  const jars = readFileSync(path.join(classes, 'jars.txt'), 'utf8').trim()
  const child = spawn(
    values.java,
    [
      '-Xmx512m',
      '-cp',
      [path.join(classes, 'out'), path.join(classes, 'res'), jars].join(':'),
      'XRoadProxy',
      file,
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  let said = ''
  const keep = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-20_000)
  }
  child.stderr.on('data', keep)
  const lines = createInterface(child.stdout)
  lines.on('line', (line) => keep(Buffer.from(`${line}\n`)))
  const ready = new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => line === 'READY' && resolve())
    child.once('exit', () => reject(new Error(`X-Road's proxy ended: ${said}`)))
  })
  await ready
  return {
    process: child,
    async stop() {
      const ended = once(child, 'exit')
      child.stdin.end()
      await ended
    },
  }
}

type Direction = {
  name: string
  send(target: string, question?: Question): Promise<Reply>
  soap(body: Buffer | string, type: string): Promise<Reply>
  client: string
  provider: string
}

function directionsOf(rogue: Rogue): Direction[] {
  const { tax, population } = world.servers
  const xroad = `http://${rogue.address}:8080`
  const agent = new http.Agent({ keepAlive: true, maxSockets: 20 })
  return [
    {
      ...{ name: 'X-Road to us', client: rogue.client, provider: population.client },
      send: (target, q = {}) =>
        ask(xroad, target, {
          ...q,
          agent,
          headers: { 'X-Road-Client': rogue.client, ...(q.headers as object) },
        }),
      soap: (body, type) =>
        ask(xroad, '/', { method: 'POST', headers: { 'Content-Type': type, SOAPAction: '""' }, body, agent }),
    },
    {
      ...{ name: 'we to X-Road', client: tax.client, provider: rogue.client },
      send: (target, q = {}) =>
        world.ask('tax', target, {
          ...q,
          headers: { 'X-Road-Client': tax.client, ...(q.headers as object) },
        }),
      soap: (body, type) =>
        world.ask('tax', '/', { method: 'POST', headers: { 'Content-Type': type, SOAPAction: '""' }, body }),
    },
  ]
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function exchangeAll(rogue: Rogue, algorithm: string): Promise<void> {
  for (const direction of directionsOf(rogue)) {
    const name = `${algorithm}, ${direction.name}`
    await methods(direction, name)
    await bodies(direction, name)
    await soapMessages(direction, name)
    await many(direction, name)
    await refusals(direction, name)
    await idle(direction, name)
  }
  await comparisons(rogue, algorithm)
}

/** What X-Road's servers make of the same between themselves is the measure. */
async function comparisons(rogue: Rogue, algorithm: string): Promise<void> {
  const [toUs, toXroad] = directionsOf(rogue)
  const directions = [toUs!, toXroad!, { ...toUs!, name: 'X-Road to itself', provider: rogue.client }]
  const large = randomBytes(30_000_000)
  for (const [what, target, question] of [
    ['an encoded space', 'echo/a%20b', {}],
    ['an encoded percent sign', 'echo/a%25b', {}],
    ['an encoded slash', 'echo/a%2Fb', {}],
    ['a quote', 'echo/a%22b', {}],
    ['30 MB for a service that it may not call', 'forbidden', { method: 'POST', body: large }],
    ['30 MB for no service', 'missing', { method: 'POST', body: large }],
  ] as const) {
    const seen = new Map<string, string>()
    for (const direction of directions) {
      system.answer(undefined)
      const before = system.calls.length
      const reply = await direction
        .send(`/r1/${direction.provider}/${target}`, question)
        .catch((cause: unknown) => ({ status: 0, headers: {}, body: Buffer.from(String(cause)) }) as Reply)
      const error = reply.headers['x-road-error'] ?? (reply.status === 0 ? reply.body.toString() : '')
      const called = system.calls.length === before ? 'not called' : system.calls.at(-1)!.target
      seen.set(direction.name, `${reply.status} ${error} ${called}`.replaceAll(/\s+/g, ' '))
    }
    const both = [...seen].map(([name, outcome]) => `${name}: ${outcome}`).join('; ')
    const isMeasured = target !== 'echo/a%25b'
    const isLikeIts = !isMeasured || seen.get('we to X-Road') === seen.get('X-Road to itself')
    const isTold = !target.match(/^(?:forbidden|missing)/) || !seen.get('X-Road to us')!.includes('io_error')
    say(`${algorithm}, ${what}`, isLikeIts && isTold, both)
  }
}

async function methods(direction: Direction, name: string): Promise<void> {
  system.answer(undefined)
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']) {
    const body = ['POST', 'PUT', 'PATCH'].includes(method) ? 'a body' : undefined
    const before = system.calls.length
    const reply = await direction.send(`/r1/${direction.provider}/echo/a-path/%C3%A4?q=%C3%A4%20b`, {
      method,
      body,
    })
    const call = system.calls.at(-1)
    const arrived = system.calls.length === before + 1 && call?.method === method
    say(
      `${name}, ${method}`,
      reply.status === 200 && arrived,
      `${reply.status} ${call?.target ?? ''} ${told(reply)}`,
    )
  }
}

function told(reply: Reply): string {
  if (reply.status === 200) return ''
  return `${reply.headers['x-road-error'] ?? ''} ${reply.body.toString().slice(0, 300)}`
}

async function bodies(direction: Direction, name: string): Promise<void> {
  system.answer(({ body }, response) => void response.end(body))
  for (const size of [0, 1, 1024, 100_000, 1_000_000, 30_000_000]) {
    const body = randomBytes(size)
    const reply = await direction.send(`/r1/${direction.provider}/echo`, { method: 'POST', body })
    const isSame = sha256(reply.body) === sha256(body)
    say(`${name}, ${size} octets`, reply.status === 200 && isSame, `${reply.status} ${told(reply)}`)
  }
}

async function soapMessages(direction: Direction, name: string): Promise<void> {
  const [from, to] = [{ client: direction.client }, { client: direction.provider }]
  system.answer((call, response) => {
    if (contentTypeOf(call.rawHeaders).startsWith('multipart')) return echoAttachments(call, response)
    response.setHeader('Content-Type', 'text/xml; charset=utf-8')
    response.end(call.body.toString().replaceAll(/(<\/?p:)([A-Za-z]+)/g, '$1$2Response'))
  })
  const message = (id: string) => envelope({ from, to, code: 'soapEcho', id, content: '<p:a>\u00e4</p:a>' })
  const plain = await direction.soap(message('plain'), 'text/xml; charset=UTF-8')
  const isAnswer = plain.body.includes('soapEchoResponse')
  say(
    `${name}, SOAP`,
    plain.status === 200 && isAnswer,
    `${plain.status} ${isAnswer ? '' : plain.body.toString()}`,
  )
  for (const sizes of [[10], [1000, 0, 200_000], [5_000_000]]) {
    const attachments = sizes.map((size) => randomBytes(size))
    const parts = attachments.map((bytes, i) => ({
      headers: `Content-Type: application/octet-stream\r\nContent-ID: <a${i}>`,
      bytes,
    }))
    const head = {
      headers: 'Content-Type: text/xml; charset=UTF-8',
      bytes: Buffer.from(message(`with-${sizes.length}`)),
    }
    const type = 'multipart/related; type="text/xml"; boundary=b0'
    const reply = await direction.soap(multipart('b0', [head, ...parts]), type)
    const all = attachments.every((bytes) => bytes.length === 0 || reply.body.includes(bytes))
    say(
      `${name}, SOAP with ${sizes.join(', ')} octets`,
      reply.status === 200 && all,
      `${reply.status} ${all ? '' : reply.body.toString().slice(0, 300)}`,
    )
  }
}

async function many(direction: Direction, name: string): Promise<void> {
  system.answer(({ body }, response) => void response.end(body))
  const began = Date.now()
  const statuses = new Map<string, number>()
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (let i = 0; i < 15; i++) {
        const body = randomBytes(1 + Math.floor(Math.random() * 5000))
        const reply = await direction.send(`/r1/${direction.provider}/echo`, { method: 'POST', body })
        const key = reply.body.equals(body) ? 'right' : `${reply.status} ${told(reply)}`
        statuses.set(key, (statuses.get(key) ?? 0) + 1)
      }
    }),
  )
  const text = [...statuses].map(([key, n]) => `${n} ${key}`).join('; ')
  say(`${name}, 300 by 20 at once`, statuses.get('right') === 300, `${text}, ${Date.now() - began} ms`)
}

async function refusals(direction: Direction, name: string): Promise<void> {
  const before = system.calls.length
  for (const [code, wanted] of [
    ['missing', /UnknownService|unknown_service/i],
    ['forbidden', /AccessDenied|access_denied/i],
  ] as const) {
    const reply = await direction.send(`/r1/${direction.provider}/${code}`)
    const error = reply.headers['x-road-error'] ?? ''
    say(`${name}, ${code}`, reply.status >= 400 && wanted.test(error), `${reply.status} ${told(reply)}`)
  }
  say(`${name}, refused calls`, system.calls.length === before, 'no call of the system')
}

/** Longer than either side keeps a connection that nobody uses. */
async function idle(direction: Direction, name: string): Promise<void> {
  for (const seconds of [6, 31, 65]) {
    await pause(seconds * 1000)
    const replies = await Promise.all([1, 2, 3].map(() => direction.send(`/r1/${direction.provider}/echo`)))
    const right = replies.every((reply) => reply.status === 200)
    say(
      `${name}, after ${seconds} s`,
      right,
      replies.map((reply) => `${reply.status} ${told(reply)}`).join('; '),
    )
  }
}

/** Our servers keep connections to a proxy that ended and came back. */
async function afterRestart(rogue: Rogue, algorithm: string): Promise<void> {
  const proxy = await startProxy(rogue)
  try {
    for (const direction of directionsOf(rogue)) {
      const replies = await Promise.all([1, 2, 3].map(() => direction.send(`/r1/${direction.provider}/echo`)))
      const right = replies.every((reply) => reply.status === 200)
      say(
        `${algorithm}, ${direction.name}, after its restart`,
        right,
        replies.map((reply) => `${reply.status} ${told(reply)}`).join('; '),
      )
    }
  } finally {
    await proxy.stop()
  }
}
