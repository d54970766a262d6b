/**
 * A rogue provider's server answers our consumer. Whatever it presents or answers, the calling system gets
 * only a reply that the provider signed for this very request, or a fault; the log closes the exchange with
 * its true outcome.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { writeSoapFault } from '#core/transport/fault-xml.ts'
import { PART_TYPE } from '#schemas/wire.ts'
import {
  briefCredential,
  type Credential,
  credential,
  foreignCredential,
  revoke,
  switchTrust,
} from '../fakes/credentials.ts'
import { ocspByHash, type Received, type ReplyLie, startRogueProvider } from '../fakes/rogue-provider.ts'
import * as R from '../fakes/rogue-server.ts'
import { SELDOM_ASKED, shareWorld } from '../running-world.ts'
import { takeTime } from '../take-time.ts'
import type { Reply } from '../world.ts'

const world = await shareWorld(SELDOM_ASKED)
const { tax, population } = world.servers
const rogue = await R.admitRogue(world, '1006', world.address(6))
const trust = await R.openTrust(world)
const signerOf = async (of: Credential): Promise<R.Signer> => ({
  ...of,
  intermediates: [trust.intermediate],
  ocspResponses: [await trust.ocsp(of.certificate), await trust.ocsp(trust.intermediate)],
})
const server = await startRogueProvider({ rogue, signer: await signerOf(rogue.signing) })
t.teardown(() => server.close())
const statusOf = async (of: Credential) =>
  ocspByHash([
    [of.certificate, await trust.ocsp(of.certificate)],
    [trust.intermediate, await trust.ocsp(trust.intermediate)],
  ])
const honestStatus = await statusOf(rogue.authentication)
server.status(honestStatus)
await world.publish()

const closed = new Map<string, string>()
const details: string[] = []
let count = 0

/** The tax agency's system calls the rogue, which answers with `lie`. */
async function askRogue(
  lie: ReplyLie | ((received: Received) => ReplyLie | Promise<ReplyLie>),
  id = `ask-${++count}`,
): Promise<Reply> {
  server.answer(typeof lie === 'function' ? lie : () => lie)
  return world.ask('tax', `/r1/${rogue.client}/any/thing`, {
    method: 'POST',
    headers: { 'X-Road-Client': tax.client, 'X-Road-Id': id },
    body: 'question',
  })
}

/** Asserts that the system gets this fault and nothing of the reply, and that the log closes the exchange. */
async function refused(
  t: Test,
  what: string,
  lie: Parameters<typeof askRogue>[0],
  code: RegExp,
): Promise<void> {
  const id = `ask-${++count}`
  const reply = await askRogue(lie, id)
  const { type, detail } = reply.json() as { type: string; detail: string }
  t.match(type, code, what)
  t.ok(reply.status >= 500, what)
  details.push(detail)
  closed.set(id, what)
}

t.test('an honest provider is believed', async (t) => {
  for (const lie of [{}, { status: 404 }, { body: Buffer.alloc(0) }, { body: randomBytes(300_000) }]) {
    const reply = await askRogue(lie)
    t.equal(reply.status, lie.status ?? 200)
    t.ok(reply.body.equals(lie.body ?? Buffer.from('true')))
  }
  const late = await askRogue(async () => {
    await takeTime('a provider that is slow', 1_500)
    return {}
  })
  t.equal(late.status, 200, 'slow, but in time')
  // Our server gives up one on which nothing came for some seconds, as at a busy machine.
  t.ok(server.connections() < server.received.length, `${server.connections()} connections are kept`)
})

t.test('a reply answers this request, or is none', async (t) => {
  const inconsistent = /^server\.clientproxy\.inconsistent_response$/
  const earlier = server.received[0]!
  const wrong: [string, ReplyLie][] = [
    ['to an earlier request', { about: earlier }],
    ['with the hash of another', { requestHash: earlier.requestHash }],
    ['with the request id of another', { requestId: earlier.requestId }],
    ['with another id', { request: { id: 'other' } }],
    ['to another client', { request: { client: { ...earlier.request.client, subsystemCode: 'vat' } } }],
    ['of another service', { request: { service: { ...earlier.request.service, serviceCode: 'other' } } }],
  ]
  for (const [what, lie] of wrong) await refused(t, what, lie, inconsistent)
  const { promise, resolve } = Promise.withResolvers<Received>()
  const first = Promise.withResolvers<Received>()
  let arrived = 0
  const swapped = await Promise.all(
    [0, 1].map(() =>
      askRogue(async (received) => {
        if (arrived++ === 0) {
          first.resolve(received)
          return { about: await promise }
        }
        resolve(received)
        return { about: await first.promise }
      }),
    ),
  )
  for (const reply of swapped)
    t.match(reply.json(), { type: inconsistent }, 'two replies that changed places')
})

const swap =
  (type: string, ...by: R.Part[]) =>
  (parts: R.Part[]): R.Part[] =>
    parts.flatMap((part) => (part[0] === type ? by : [part]))

t.test('a reply is signed whole by the provider, now', async (t) => {
  const own = { member: rogue.member, profile: 'signing' } as const
  const minutes = (count: number): Date => new Date(Date.now() + count * 60_000)
  const { restResponse, restBody, hashChain, hashChainResult, signature, fault } = PART_TYPE
  const more: R.Part = [restBody, Buffer.from('more')]
  const gone = await credential(world, own)
  await revoke(world, gone.certificate)
  const altered = /invalid_reference|hash_?chain|malformed_signature|signature_value/
  const wrong: [string, ReplyLie, RegExp][] = [
    [
      'by another member',
      { signer: await signerOf(await credential(world, { profile: 'signing', member: population.member })) },
      /signature_verification|incorrect_certificate/,
    ],
    [
      'by a foreign CA',
      { signer: await signerOf(await foreignCredential(own)) },
      /cert_path|cert_validation|incorrect_validation_info/,
    ],
    ['by a revoked certificate', { signer: await signerOf(gone) }, /incorrect_validation_info/],
    [
      'by an authentication certificate',
      { signer: await signerOf(rogue.authentication) },
      /malformed_signature/,
    ],
    ['an hour ago', { signingTime: minutes(-60) }, /stale_reply/],
    ['in an hour', { signingTime: minutes(60) }, /stale_reply/],
    ['not at all', { parts: swap(signature) }, /missing_signature/],
    ['another body', { parts: swap(restBody, more) }, altered],
    ['without its body', { parts: swap(restBody) }, altered],
    ['with two bodies', { parts: swap(restBody, more, more) }, /invalid_message/],
    ['without its chain', { parts: swap(hashChain) }, /malformed_hash_chain/],
    ['without its chain result', { parts: swap(hashChainResult) }, /malformed_hash_chain/],
    ['with a part more', { parts: (parts) => [...parts, more] }, /invalid_message/],
    [
      'as a request',
      { parts: (parts) => [[PART_TYPE.restRequest, parts[0]![1]], ...parts.slice(1)] },
      /invalid_message/,
    ],
    ['without a message', { parts: swap(restResponse) }, /invalid_message|missing_rest/],
    [
      'with a message of its own',
      {
        parts: (parts) => [
          [restResponse, Buffer.from(String(parts[0]![1]).replace('200', '201'))],
          ...parts.slice(1),
        ],
      },
      altered,
    ],
    [
      'with a fault for a signature',
      {
        parts: swap(signature, [
          fault,
          writeSoapFault({ type: 'server.serverproxy.access_denied', message: 'no', detail: 'd-1' }),
        ]),
      },
      /^server\.serverproxy\.access_denied$/,
    ],
  ]
  for (const [what, lie, code] of wrong) await refused(t, what, lie, code)
  const taken: string[] = []
  for (let index = 0; index < 5; index++) {
    for (let i = 0; i < 12; i++) {
      let place = ''
      const reply = await askRogue({
        parts: (parts) => {
          const [type, bytes] = parts[index]!
          const copy = Buffer.from(bytes)
          const end = type === signature ? bytes.indexOf('<xades:UnsignedProperties') : bytes.length
          const at = Math.floor(((i + 0.5) / 12) * end)
          copy[at]! ^= 1 << (i % 7)
          place = `${type} byte ${at}`
          return parts.with(index, [type, copy])
        },
      })
      if (reply.status === 200) taken.push(place)
    }
  }
  t.strictSame(taken, [], 'of 60 flipped bits none')
})

function cutAfter(response: ServerResponse, bytes: Buffer): void {
  response.write(bytes)
  setTimeout(() => response.destroy(), 50)
}

t.test('what is no reply ends in a fault', async (t) => {
  const html: R.Content = { type: 'text/html', bytes: Buffer.from('<h1>Hello</h1>') }
  const soap = (type: string, detail = 'd-2'): R.Content => ({
    type: 'text/xml',
    bytes: writeSoapFault({ type, message: 'said the peer', detail }),
  })
  const broken = /connection_lost|mime_parsing_failed|invalid_message/
  const wrong: [string, ReplyLie, RegExp][] = [
    ['HTML', { content: () => html }, /http_error/],
    ['random bytes', { content: ({ type }) => ({ type, bytes: randomBytes(3000) }) }, broken],
    [
      'XML that is no fault',
      { content: () => ({ type: 'text/xml', bytes: Buffer.from('<a/>') }) },
      /invalid_message/,
    ],
    [
      'a fault of 1 MB',
      { content: () => ({ type: 'text/xml', bytes: Buffer.alloc(1e6, 60) }) },
      /invalid_message/,
    ],
    [
      'a fault cut short',
      {
        transport: { 'content-type': 'text/xml' },
        write: (response) => cutAfter(response, Buffer.from('<SOAP')),
      },
      broken,
    ],
    ['a fault', { content: () => soap('Server.ServerProxy.AccessDenied') }, /AccessDenied/i],
    ...[204, 302, 404, 502].map((httpStatus): [string, ReplyLie, RegExp] => [
      `HTTP ${httpStatus}`,
      { httpStatus, transport: { location: 'http://127.0.0.1:1/' } },
      /http_error/,
    ]),
    ['no hash algorithm', { transport: { 'x-hash-algorithm': undefined } }, /invalid_message/],
    ['a weak hash algorithm', { transport: { 'x-hash-algorithm': 'MD5' } }, /invalid_message/],
    ['no content type', { transport: { 'content-type': '' } }, /http_error/],
    [
      'cut in the middle',
      {
        write: (response, bytes) => cutAfter(response, bytes.subarray(0, 700)),
      },
      broken,
    ],
    ['cut before the end', { write: (response, bytes) => void response.end(bytes.subarray(0, -40)) }, broken],
    ['cut at once', { write: (response) => void response.destroy() }, broken],
    [
      'a large reply cut',
      {
        body: randomBytes(400_000),
        write: (response, bytes) => cutAfter(response, bytes.subarray(0, 300_000)),
      },
      broken,
    ],
    [
      'a message over its limit',
      { headers: [['X-Long', 'x'.repeat(70_000)]] },
      /invalid_message|headers_too_large/,
    ],
    [
      'headers over the limit',
      { transport: { 'x-long': 'x'.repeat(100_000) } },
      /connection_lost|invalid_message|http_error/,
    ],
  ]
  for (const [what, lie, code] of wrong) await refused(t, what, lie, code)
  const refusal = await askRogue({
    content: () => soap('server.serverproxy.access_denied\r\nX-Injected: 1', 'x'.repeat(5000)),
  })
  t.notOk('x-injected' in refusal.headers, 'a fault brings no header of its own')
  const head = await askRogue({ transport: { 'x-concordat-tree-head': 'AAAA', 'x-concordat-refusal': '!!' } })
  t.equal(head.status, 200, 'a senseless tree head harms nobody')
})

t.test('no byte goes to a server that is not proved to be the one', async (t) => {
  const before = server.received.length
  const wanted = { member: rogue.member, serverCode: 'SS-ROGUE', profile: 'authentication' } as const
  const cases: [string, Pick<Credential, 'cert' | 'key'>, RegExp][] = [
    ['unregistered', await credential(world, wanted), /unknown_peer/],
    ['of a foreign CA', await foreignCredential(wanted), /unknown_peer/],
    [
      'of another server',
      { cert: rogue.signing.cert, key: rogue.signing.key },
      /unknown_peer|incorrect_certificate/,
    ],
  ]
  for (const [what, of, code] of cases) {
    server.present(of)
    await refused(t, what, {}, code)
  }
  const brief = await briefCredential(world, wanted, async (one) => {
    await R.register(world, rogue, one)
    await world.publish()
  })
  server.present(brief)
  server.status(await statusOf(brief))
  t.equal((await askRogue({})).status, 200, 'one that is valid still')
  await takeTime('the certificate ends', brief.certificate.notAfter.getTime() + 1_100 - Date.now())
  await refused(t, 'expired while connected', {}, /cert_validation|invalid_cert_path/)
  const modes = ['stale', 'malformed', 'revoked', 'unknown', 'wrong-signer']
  for (const mode of modes) {
    // A new certificate each time, because our server keeps the good responses that it got.
    const fresh = await credential(world, wanted)
    await R.register(world, rogue, fresh)
    await world.publish()
    await switchTrust(world, 'ocsp', { mode })
    server.status(await statusOf(fresh))
    await switchTrust(world, 'ocsp', { mode: 'none' })
    server.present(fresh)
    await refused(t, `status ${mode}`, {}, /incorrect_validation_info|malformed_ocsp/)
  }
  for (const [what, said] of [
    ['no status', undefined],
    ['no multipart', { type: 'text/plain', bytes: Buffer.from('good') }],
    ['a huge one', R.multipart([[PART_TYPE.ocsp, Buffer.alloc(500_000)]])],
  ] as const) {
    const fresh = await credential(world, wanted)
    await R.register(world, rogue, fresh)
    await world.publish()
    server.status(() => said)
    server.present(fresh)
    await refused(
      t,
      what,
      {},
      /incorrect_validation_info|malformed_ocsp|mime_parsing_failed|invalid_content_type/,
    )
  }
  t.equal(server.received.length, before + 1, 'one request arrived, the one that was allowed')
  server.present(rogue.authentication)
  server.status(honestStatus)
  t.equal((await askRogue({})).status, 200, 'and again, without a restart')
})

t.test('every failed exchange is closed in the log as what it was', async (t) => {
  const admin = world.admin.tax
  const kinds = new Map<string, string[]>()
  for (let before = Number.MAX_SAFE_INTEGER; ; ) {
    const rows = await admin.get<{ index: number; queryId: string; kind: string }[]>(
      `/message-log/records?limit=500&before=${before}`,
    )
    for (const { queryId, kind } of rows) kinds.set(queryId, [...(kinds.get(queryId) ?? []), kind])
    if (rows.length < 500) break
    before = rows.at(-1)!.index
  }
  const wrong = [...closed].filter(
    ([id]) => !/^(refusal|outcome-unknown),request$/.test(String(kinds.get(id))),
  )
  t.strictSame(
    wrong.map(([id, what]) => [what, kinds.get(id)]),
    [],
    `${closed.size} exchanges`,
  )
  for (const [id, what] of closed) {
    if (/unregistered|status|foreign CA$/.test(what) && !what.startsWith('by'))
      t.strictSame(kinds.get(id), ['refusal', 'request'], `${what}: not sent`)
    if (/^cut|^to an earlier/.test(what))
      t.strictSame(kinds.get(id), ['outcome-unknown', 'request'], `${what}: nobody knows`)
  }
  const log = readFileSync(tax.logFile, 'utf8')
  t.strictSame(
    details.filter((detail) => !log.includes(detail)),
    [],
  )
  t.strictSame(
    log.split('\n').filter((line) => line.includes('internal_error')),
    [],
  )
  t.ok(world.isAlive())
})
