/**
 * Fields of a contract on the provider's side: what may be asked, what is removed before it is signed, what
 * is on record.
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { fieldRule } from '#core/contract/allowed-fields.ts'
import type { HeaderList } from '#core/transport/header-list.ts'
import { parseRestResponse } from '#core/transport/rest-response.ts'
import { writeSoap } from '#core/transport/write-soap.ts'
import { heldMemory } from '#platform/held-memory.ts'
import { memberOf } from '#schemas/identifiers.ts'
import type { RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import type { Body, Content } from '../message/body.ts'
import type { Codec } from '../message/codec.ts'
import { cutBodyFields } from '../message/cut-fields.ts'
import { rest } from '../message/rest.ts'
import { soap } from '../message/soap.ts'
import { bodyOf, TAX } from '../peer/peer-fixture.ts'
import { type ReceivedParts, readMessage } from '../peer/read-message.ts'
import { createMessageSigner } from '../peer/sign-message.ts'
import { writeMessage } from '../peer/write-message.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld, refusalIn } from './fixture.ts'
import type { Arrival } from './receive.ts'
import type { OutgoingReply } from './reply.ts'

const made = await createProviderWorld(t)
const { world, rooms, log, system } = made
const RESPONSE = fieldRule(['/name', '/list/id'])
const terms: RecordTerms = {
  contract: 'c0ffee/2',
  fields: { request: fieldRule(['/id']), response: RESPONSE },
}
const NO_ANSWER: RecordTerms = { contract: 'c0ffee/2', fields: { response: fieldRule([]) } }
const contracts = { contractFor: () => terms, termsOfRefused: () => terms }
const covered = { ...rooms, contracts }

t.beforeEach(() => {
  log.records.length = 0
  system.calls.length = 0
})

/** Body files that no record refers to. */
async function leaks(): Promise<string[]> {
  for (const { body } of log.records) await body?.discard()
  return world.bodyFiles()
}

async function opened(reply: OutgoingReply, codec: Codec): Promise<ReceivedParts> {
  const { content, headers } = reply
  return readMessage({
    source: Buffer.isBuffer(content) ? Readable.from([content], { objectMode: false }) : content,
    contentType: headers['content-type']!,
    codec,
    half: 'reply',
    onMessage: () => undefined,
    spool: world.spool,
    limits: rooms.limits,
    tooSlow: 'peer_timeout',
  })
}

/** The signed reply of the system that answers so: its body, its headers by name, what the record says. */
async function answered(answer: {
  headers?: Record<string, string | string[]>
  body: Buffer | string
  status?: number
}) {
  system.answer = (request, response) => {
    request.resume()
    response.writeHead(answer.status ?? 200, { 'Content-Type': 'application/json', ...answer.headers })
    response.end(answer.body)
  }
  const parts = await opened(await exchange(await made.ask(), covered), rest)
  const snapshot = world.globalConfiguration.current()
  await rooms.verifyMessage({ parts, member: memberOf(made.service.id), snapshot, at: world.clock() })
  const text = Buffer.concat((await parts.body!.open().toArray()) as Buffer[]).toString()
  await parts.body!.discard()
  const response = parseRestResponse(parts.message)
  const names = new Map(response.headers.map(([name, value]) => [name.toLowerCase(), value]))
  return { text, names, extra: log.records.at(-1)!.extra, signed: log.records.at(-1)!.body }
}

t.test('what the contract does not name is removed before it is signed', async (t) => {
  const whole = '{"name":"A","code":"38001010000","list":[{"id":1.0,"secret":"s"}]}'
  const left = '{"name":"A","list":[{"id":1.0}]}'
  const tells = {
    status: '200',
    fieldRule: RESPONSE.digest,
    removedFields: '["/code","/list/secret"]',
  }
  for (const [what, body, headers] of [
    ['as it is', whole, {}],
    ['gzip', gzipSync(whole), { 'Content-Encoding': 'gzip' }],
    ['brotli', brotliCompressSync(whole), { 'Content-Encoding': 'BR' }],
    ['problem', whole, { 'Content-Type': 'application/problem+json; charset=UTF-8' }],
  ] as const) {
    const digests = { ETag: '"x"', 'Content-MD5': 'x', Digest: 'x', 'Repr-Digest': 'x', 'X-Own': 'y' }
    const { text, names, extra } = await answered({ body, headers: { ...digests, ...headers } })
    t.equal(text, left, what)
    t.strictSame(extra, tells, 'names, no values')
    for (const gone of ['etag', 'content-md5', 'digest', 'repr-digest', 'content-encoding'])
      t.notOk(names.has(gone), `${what}: ${gone}`)
    t.equal(names.get('x-own'), 'y')
  }
  const failed = await answered({ body: '{"title":"no","name":"B"}', status: 404 })
  t.equal(failed.text, '{"name":"B"}', 'whatever the status')
  const fits = await answered({ body: '{ "name": "A" }', headers: { ETag: '"x"' } })
  t.equal(fits.text, '{ "name": "A" }')
  t.equal(fits.names.get('etag'), '"x"', 'nothing was removed')
  t.equal(fits.extra?.['removedFields'], '[]', 'which is on record')
  const many = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`k${i}`, 1]))
  const { extra } = await answered({ body: JSON.stringify(many) })
  t.equal(extra?.['removedPlaces'], '150', 'where not all names can be told, how many')
  t.equal(JSON.parse(extra!['removedFields']!).length, 100)
  t.strictSame(await leaks(), [])
})

t.test('what a room held against the contract is not cut again, and is on record', async (t) => {
  const address = made.service.url
  made.service.url = 'room:'
  const text = '[{"event":{"name":"A"}}]'
  const removed = { names: ['/data/secret'], count: 1, isMore: false }
  const room = {
    take: async () => ({
      ...{ status: 200, reason: 'OK', headers: [['Content-Type', 'application/json']] as HeaderList },
      ...{ body: await bodyOf(world, Buffer.from(text)), fields: { rule: RESPONSE.digest, removed } },
    }),
  }
  const parts = await opened(await exchange(await made.ask(), { ...covered, room }), rest)
  t.equal(String(Buffer.concat((await parts.body!.open().toArray()) as Buffer[])), text)
  await parts.body!.discard()
  t.strictSame(log.records.at(-1)!.extra, {
    ...{ status: '200', fieldRule: RESPONSE.digest, removedFields: '["/data/secret"]' },
  })
  t.equal(system.calls.length, 0, 'no system was called')
  made.service.url = address
  t.strictSame(await leaks(), [])
})

t.test('a large answer is cut on a thread, one in a file is written anew', async (t) => {
  t.teardown(heldMemory.reserve(1e9))
  const rows = Array.from({ length: 6000 }, (_, id) => ({ id, secret: 'x'.repeat(60) }))
  const before = world.bodyFiles().length
  const { text, signed } = await answered({ body: JSON.stringify({ list: rows, secret: 1 }) })
  t.strictSame(JSON.parse(text), { list: rows.map(({ id }) => ({ id })) })
  t.equal(signed?.size, text.length)
  t.equal(world.bodyFiles().length, before + (text.length > 65_536 ? 1 : 0), 'the uncut body is gone')
  t.strictSame(await leaks(), [])
})

t.test('many large answers at once are in memory two at a time', async (t) => {
  const text = Buffer.from(JSON.stringify({ name: 'A', secret: 'x'.repeat(1_000_000) }))
  const packed = gzipSync(text)
  const held = { now: 0, most: 0 }
  const cut = async (content: Content, headers: HeaderList): Promise<void> => {
    const made = await cutBodyFields(
      content,
      [['Content-Type', 'application/json'], ...headers],
      RESPONSE.allowed,
    )
    t.equal('bytes' in made && made.bytes.toString(), '{"name":"A"}')
    held.now -= 1
  }
  const large = (): Content => ({
    size: text.length,
    open: () => {
      held.now += 1
      held.most = Math.max(held.most, held.now)
      return Readable.from([text], { objectMode: false })
    },
  })
  await Promise.all(Array.from({ length: 8 }, () => cut(large(), [])))
  // Two that end in one turn are counted until the next two have begun.
  t.ok(held.most <= 4, `opened at once: ${held.most}`)
  t.ok(packed.length < 10_000)
  const small = { size: packed.length, bytes: packed, open: () => Readable.from([packed]) }
  await Promise.all(Array.from({ length: 8 }, () => cut(small, [['Content-Encoding', 'gzip']])))
})

t.test('an answer that cannot be held against the fields does not leave', async (t) => {
  const cases: [what: string, answer: Parameters<typeof answered>[0]][] = [
    ['no JSON', { body: 'name=A', headers: { 'Content-Type': 'text/plain' } }],
    ['broken', { body: '{"name":"A"' }],
    ['a value', { body: '"A"' }],
    ['another charset', { body: '{}', headers: { 'Content-Type': 'application/json; charset=utf-16' } }],
    ['two codings', { body: gzipSync('{}'), headers: { 'Content-Encoding': 'gzip, gzip' } }],
    [
      'a part, whose fields may stand in another one',
      {
        status: 206,
        body: '{"name":"A"}',
        headers: { 'Content-Range': 'bytes 40-51/90' },
      },
    ],
    ['a part by its header', { body: '{"name":"A"}', headers: { 'Content-Range': 'bytes 40-51/90' } }],
    ['two types', { body: '{"name":"A"}', headers: { 'Content-Type': ['application/json', 'text/html'] } }],
    [
      'two codings in two headers',
      { body: '{"name":"A"}', headers: { 'Content-Encoding': ['identity', 'gzip'] } },
    ],
    ['a coding of no name', { body: '{"name":"A"}', headers: { 'Content-Encoding': 'constructor' } }],
    ['no gzip', { body: '{}', headers: { 'Content-Encoding': 'gzip' } }],
    [
      'a bomb',
      { body: gzipSync(`{"name":"A"}${' '.repeat(11e6)}`), headers: { 'Content-Encoding': 'gzip' } },
    ],
  ]
  for (const [what, answer] of cases) {
    const refusal = await refusalIn(made, answered(answer))
    t.match(
      refusal.fault,
      { code: 'service_failed', what: /cannot be held against the fields of contract c0ffee\/2/ },
      what,
    )
    t.notMatch(refusal.fault.what, /"A"|name=/)
    t.match(log.told().at(-1), /^outcome-unknown:service_failed/, 'the system was called')
  }
  const range = { 'Content-Range': 'bytes */90', 'Content-Type': 'application/json' }
  const whole = await answered({ status: 416, body: '{"name":"A"}', headers: range })
  t.equal(whole.text, '{"name":"A"}', 'an error that tells a range is whole')
  t.strictSame(await leaks(), [])
})

t.test('without a body nothing tells of what would be removed from it', async (t) => {
  for (const [status, method] of [
    [204, 'GET'],
    [304, 'GET'],
    [200, 'HEAD'],
  ] as const) {
    const { names, status: said } = await answeredWithout(t, { status, method })
    t.equal(said, status)
    t.strictSame(
      [names.get('etag'), names.get('repr-digest'), names.get('x-own')],
      [undefined, undefined, 'y'],
    )
  }
})

async function answeredWithout(t: Test, { status, method }: { status: number; method: string }) {
  system.answer = (request, response) => {
    request.resume()
    response.writeHead(status, { ETag: '"x"', 'Repr-Digest': 'sha-256=:x:', 'X-Own': 'y' }).end()
  }
  const parts = await opened(await exchange(await made.ask({ method }), covered), rest)
  t.equal(parts.body, undefined)
  const response = parseRestResponse(parts.message)
  const names = new Map(response.headers.map(([name, value]) => [name.toLowerCase(), value]))
  return { status: response.status, names }
}

t.test('a request says only what the contract names', async (t) => {
  system.answer = (request, response) => {
    request.resume()
    response.setHeader('Content-Type', 'application/json')
    response.end('{"name":"A"}')
  }
  const sent: Body[] = []
  const ask = async (text: string | Buffer, headers = ['Content-Type', 'application/json']) => {
    const body = await bodyOf(world, Buffer.from(text))
    sent.push(body)
    return made.ask({ method: 'POST', body, headers })
  }
  for (const good of ['{"id":"7"}', '[{"id":"7"}]', '{}', '']) {
    await exchange(await ask(good), covered)
  }
  t.equal(system.calls.length, 4)
  const cases: [what: string, arrival: Arrival, why: RegExp][] = [
    ['another field', await ask('{"id":"7","name":"A"}'), /^c0ffee\/2: \/name$/],
    [
      'names that may be values',
      await ask(
        '{"38001010000":1,"x":{"37605030299":1},"a.person@example.org":1,"19.8.1980":1,"AB-12-34":1,"line2":1,"a_b@c":1}',
      ),
      /^c0ffee\/2: \/x, \/line2$/,
    ],
    ['a form', await ask('id=7', ['Content-Type', 'application/x-www-form-urlencoded']), /content type/],
    ['no type', await ask('{"id":"7"}', []), /content type/],
    ['no JSON', await ask('{'), /not JSON/],
    [
      'two types',
      await ask('{"id":"&name=A"}', ['Content-Type', 'application/json', 'content-type', 'text/plain']),
      /repeated/,
    ],
    [
      'compressed and broken',
      await ask('{}', ['Content-Type', 'application/json', 'Content-Encoding', 'gzip']),
      /gzip/,
    ],
    ['a large one', await ask(JSON.stringify({ name: 'x'.repeat(300_000) })), /^c0ffee\/2: \/name$/],
  ]
  for (const [what, arrival, why] of cases) {
    const refusal = await refusalIn(made, exchange(arrival, covered))
    t.match(refusal.fault, { code: 'outside_contract', what: why }, what)
    t.strictSame(log.told().slice(-2), ['request:outside_contract', 'refusal:outside_contract'], what)
  }
  t.equal(system.calls.length, 4, 'the system does not hear of it')
  for (const body of sent) await body.discard()
  t.strictSame(await leaks(), [])
})

t.test('SOAP by the elements of its body', async (t) => {
  const service = { ...made.service, type: 'WSDL' as const }
  const sign = createMessageSigner({ keys: world.consumer.keys, clock: world.clock })
  const elements = { request: fieldRule(['/persons/id']), response: fieldRule(['/personsResponse/name']) }
  const soapRooms = {
    ...rooms,
    contracts: { ...contracts, contractFor: () => ({ ...terms, fields: elements }) },
  }
  Object.assign(made, { service })
  t.teardown(() => Object.assign(made, { service: { ...service, type: 'OPENAPI' } }))
  let tail = ''
  const ask = async (id: string, content: string, file?: Buffer): Promise<Arrival> => {
    const message = Buffer.from(
      writeSoap(
        { client: TAX, service: service.id, id },
        `<p:persons xmlns:p="urn:p">${content}</p:persons>`,
      ),
    )
    const body = file && {
      ...(await bodyOf(world, file)),
      attachments: [{ size: file.length, sha512: createHash('sha512').update(file).digest(), headers: [] }],
    }
    const { signature } = await sign(memberOf(TAX), {
      messageSha512: createHash('sha512').update(message).digest(),
      body,
    })
    const { certificate, intermediates, ocspResponses } = world.consumer.keys.authenticationIdentity()
    const part = { contentType: 'text/xml; charset=UTF-8', headers: [] }
    const { contentType, content: sent } = writeMessage({
      ...{ codec: soap, part, ocspResponses, message, body, signature },
    })
    const bytes = sent()
    tail = writeSoap({ client: TAX, service: service.id, id }, '@')
    return {
      headers: {
        'content-type': contentType,
        'x-hash-algorithm': 'SHA-512',
        'x-proxy-version': '7.8.1',
        'x-road-request-id': id,
        'x-original-content-type': 'text/xml; charset=UTF-8',
      },
      content: Buffer.isBuffer(bytes) ? Readable.from([bytes], { objectMode: false }) : bytes,
      presented: [certificate, ...intermediates],
      protocol: 'TLSv1.3',
    }
  }
  const answers = (content: string) => {
    system.answer = (request, response) => {
      request.resume()
      response.setHeader('Content-Type', 'text/xml')
      response.end(tail.replace('@', content))
    }
  }
  answers(
    '<p:personsResponse xmlns:p="urn:p"><p:name>A</p:name><p:code>38001010000</p:code></p:personsResponse>',
  )
  const reply = await opened(await exchange(await ask('s-1', '<p:id>7</p:id>'), soapRooms), soap)
  t.match(
    reply.message.toString(),
    '<p:personsResponse xmlns:p="urn:p"><p:name>A</p:name></p:personsResponse>',
  )
  t.match(reply.message.toString(), 'requestHash')
  t.strictSame(log.records.at(-1)!.extra?.['removedFields'], '["/personsResponse/code"]')
  const none = { ...soapRooms, contracts: { ...contracts, contractFor: () => NO_ANSWER } }
  const bare = await opened(await exchange(await ask('s-2', '<p:id>7</p:id>'), none), soap)
  t.match(bare.message.toString(), '<p:personsResponse xmlns:p="urn:p"></p:personsResponse>')
  const calls = system.calls.length
  for (const [content, file, why] of [
    ['<p:id>7</p:id><p:name>A</p:name>', undefined, /\/persons\/name$/],
    ['<p:id>7</p:id>', Buffer.from('a file'), /attachments/],
  ] as const) {
    const refusal = await refusalIn(
      made,
      exchange(await ask(`s-${why}`.replaceAll(/\W/g, ''), content, file), soapRooms),
    )
    t.match(refusal.fault, { code: 'outside_contract', what: why })
  }
  t.equal(system.calls.length, calls)
  answers('broken')
  const refusal = await refusalIn(made, exchange(await ask('s-4', '<p:id>7</p:id>'), soapRooms))
  t.equal(refusal.fault.code, 'service_failed')
  system.answer = (request, response) => {
    request.resume()
    response.setHeader('Content-Type', 'multipart/related; boundary=b; type="text/xml"')
    const name = '<p:personsResponse xmlns:p="urn:p"><p:name>A</p:name></p:personsResponse>'
    const part = `--b\r\nContent-Type: text/xml\r\n\r\n${tail.replace('@', name)}\r\n`
    response.end(`${part}--b\r\nContent-Type: text/plain\r\n\r\n38001010000\r\n--b--\r\n`)
  }
  const attached = await refusalIn(made, exchange(await ask('s-5', '<p:id>7</p:id>'), soapRooms))
  t.match(attached.fault, { code: 'service_failed', what: /it has attachments/ })
  t.strictSame(await leaks(), [])
})
