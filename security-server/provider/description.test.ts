/**
 * Messages that are held against the description of their service: what the system hears, what leaves, and
 * what no message can stop.
 */
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { parseRestResponse } from '#core/transport/rest-response.ts'
import { createMessageValidator } from '../local-systems/validation/validate-messages.ts'
import type { LocalService } from '../local-systems/view.ts'
import type { Body } from '../message/body.ts'
import { rest } from '../message/rest.ts'
import { bodyOf } from '../peer/peer-fixture.ts'
import { readMessage } from '../peer/read-message.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld, type Question, refusalIn } from './fixture.ts'
import type { Arrival } from './receive.ts'

const made = await createProviderWorld(t)
const { world, rooms, log, system } = made
const SECRET = '38001010000'
const BASE = '/r1/DEV/GOV/2000/population/persons'
const sent: Body[] = []

const json = (schema: object) => ({ content: { 'application/json': { schema } } })
const DOCUMENT = JSON.stringify({
  openapi: '3.1.0',
  info: { title: 'persons', version: '1' },
  paths: {
    '/a': {
      post: {
        requestBody: json({
          type: 'object',
          properties: { id: { pattern: '^P' } },
          additionalProperties: false,
        }),
        responses: {
          200: json({ type: 'object', required: ['name'], properties: { name: { type: 'string' } } }),
        },
      },
    },
  },
})
const service: LocalService = { ...made.service, documentText: DOCUMENT, validate: 'ALL' }

t.beforeEach(() => {
  log.records.length = 0
  system.calls.length = 0
  made.service = service
})

/** Body files that no record refers to. */
async function leaks(): Promise<string[]> {
  for (const { body } of log.records) await body?.discard()
  for (const body of sent) await body.discard()
  return world.bodyFiles()
}

async function ask(text: string | Buffer, q: Partial<Question> = {}): Promise<Arrival> {
  const body = await bodyOf(world, Buffer.from(text))
  sent.push(body)
  return made.ask({
    method: 'POST',
    target: `${BASE}/a`,
    body,
    headers: ['Content-Type', 'application/json'],
    ...q,
  })
}

function answers(
  body: string | Buffer,
  { status = 200, headers = {} }: { status?: number; headers?: object } = {},
): void {
  system.answer = (request, response) => {
    request.resume()
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers })
    response.end(body)
  }
}

/** The status of the signed reply. */
async function status(arrival: Arrival, on = rooms): Promise<number> {
  const { content, headers } = await exchange(arrival, on)
  const parts = await readMessage({
    source: Buffer.isBuffer(content) ? Readable.from([content], { objectMode: false }) : content,
    contentType: headers['content-type']!,
    codec: rest,
    half: 'reply',
    onMessage: () => undefined,
    spool: world.spool,
    limits: rooms.limits,
    tooSlow: 'peer_timeout',
  })
  await parts.body?.discard()
  return parseRestResponse(parts.message).status
}

t.test('a request that is not as described is refused before its system hears of it', async (t) => {
  answers('{"name":"A"}')
  t.equal(await status(await ask('{"id":"P7"}')), 200)
  t.equal(
    await status(
      await ask(gzipSync('{"id":"P7"}'), {
        headers: ['Content-Type', 'application/json', 'Content-Encoding', 'gzip'],
      }),
    ),
    200,
    'without its coding',
  )
  t.equal(system.calls.length, 2)
  for (const [what, arrival, why] of [
    ['a value', await ask(`{"id":"${SECRET}"}`), /persons: body \/id: pattern$/],
    ['a name that may be a value', await ask(`{"${SECRET}":1}`), /persons: body: additionalProperties$/],
    ['no JSON', await ask(`{${SECRET}`), /persons: body: it is not JSON in UTF-8$/],
    [
      'another type',
      await ask(SECRET, { headers: ['Content-Type', `text/${SECRET}`] }),
      /content type: it is not described$/,
    ],
    [
      'another path',
      await ask('{}', { target: `${BASE}/${SECRET}` }),
      /operation: none has this method and path$/,
    ],
    [
      'no gzip',
      await ask('{}', { headers: ['Content-Type', 'application/json', 'Content-Encoding', 'gzip'] }),
      /cannot be held against the description: it is not gzip/,
    ],
  ] as [string, Arrival, RegExp][]) {
    const refusal = await refusalIn(made, exchange(arrival, rooms))
    t.match(refusal.fault, { code: 'not_as_described', what: why }, what)
    t.notMatch(JSON.stringify(log.records.map(({ extra, outcome }) => [extra, outcome])), SECRET)
    t.notMatch(refusal.fault.message, SECRET, 'no values')
    t.strictSame(log.told().slice(-2), ['request:not_as_described', 'refusal:not_as_described'], what)
  }
  t.equal(system.calls.length, 2)
  made.service = { ...service, validate: 'NONE' }
  t.equal(await status(await ask(`{"${SECRET}":1}`)), 200, 'where it is not wanted')
  t.strictSame(await leaks(), [])
})

t.test('an answer that is not as described does not leave, and its system was called', async (t) => {
  for (const [what, answer, why] of [
    ['a value', () => answers(`{"name":${SECRET}}`), /body \/name: type string$/],
    ['a field less', () => answers('{}'), /body \/name: required$/],
    ['a status', () => answers('{}', { status: 404 }), /status 404: it is not described$/],
    ['a type', () => answers('x', { headers: { 'Content-Type': 'text/plain' } }), /content type/],
    [
      'a bomb',
      () => answers(gzipSync(Buffer.alloc(11e6, ' ')), { headers: { 'Content-Encoding': 'gzip' } }),
      /more than/,
    ],
    [
      'a large one',
      () => answers(JSON.stringify({ name: [`${'x'.repeat(500_000)}`] })),
      /body \/name: type string$/,
    ],
  ] as [string, () => void, RegExp][]) {
    answer()
    const refusal = await refusalIn(made, exchange(await ask('{"id":"P7"}'), rooms))
    t.match(refusal.fault, { code: 'service_failed', what: why }, what)
    t.match(refusal.fault.what, /its answer is not as described/)
    t.notMatch(refusal.fault.message, SECRET)
    t.match(log.told().at(-1), /^outcome-unknown:service_failed/, what)
  }
  t.equal(system.calls.length, 6)
  made.service = { ...service, validate: 'REQUESTS' }
  answers('{}', { status: 404 })
  t.equal(await status(await ask('{"id":"P7"}')), 404, 'requests alone')
  t.strictSame(await leaks(), [])
})

t.test('a pattern that takes for ever fails its message, and nobody else', async (t) => {
  let ended = 0
  const limits = { compileMs: 60_000, judgeMs: 1_000, descriptions: 2 }
  const messageValidator = createMessageValidator({ onEnded: () => ended++ }, limits)
  t.teardown(() => messageValidator.close())
  const bounded = { ...rooms, messageValidator }
  answers('{"name":"A"}')
  const slow = { ...service, documentText: DOCUMENT.replace('"^P"', '"^(P+)+$"') }
  made.service = service
  t.equal(await status(await ask('{"id":"P7"}'), bounded), 200)
  const other = (text: string) =>
    messageValidator.judge(service, {
      ...{ protocol: 'REST', half: 'request', method: 'POST', path: '/a', query: undefined },
      ...{ headers: [['Content-Type', 'application/json']], body: Buffer.from(text) },
    })
  made.service = slow
  const evil = `{"id":"${'P'.repeat(60)}!"}`
  const refusal = refusalIn(made, exchange(await ask(evil), bounded))
  t.match((await refusal).fault, { code: 'not_as_described', what: /message: it took longer than 1000 ms$/ })
  t.equal(ended, 1)
  const again = refusalIn(made, exchange(await ask(evil), bounded))
  t.equal(await other('{"id":"P7"}'), undefined, 'others go on')
  t.match((await again).fault.code, 'not_as_described')
  t.equal(await status(await ask('{"id":"PP"}'), bounded), 200, 'and so does the same service')
  // With more descriptions than are kept, each is compiled again when its turn comes.
  for (const [index, name] of ['A', 'B', 'C', 'A', 'B', 'C'].entries()) {
    made.service = { ...service, documentText: DOCUMENT.replace('"^P"', `"^${name}"`) }
    const found = await refusalIn(made, exchange(await ask('{"id":"P7"}'), bounded))
    t.match(found.fault, { what: /pattern$/ }, `${index}`)
    t.equal(await status(await ask(`{"id":"${name}"}`), bounded), 200)
  }
  t.equal(ended, 2)
  t.strictSame(await leaks(), [])
})

t.test('a description that cannot be compiled refuses all, and blames no message', async (t) => {
  made.service = {
    ...service,
    documentText: '{"openapi":"3.1.0","info":{},"paths":{"/a":{"$ref":"x.yaml"}}}',
  }
  answers('{"name":"A"}')
  for (const _ of ['at first', 'and again']) {
    const refusal = await refusalIn(made, exchange(await ask('{"id":"P7"}'), rooms))
    t.match(refusal.fault, { code: 'internal_error', what: /cannot be compiled: .*x\.yaml/ })
  }
  made.service = { ...service, type: 'REST', documentText: undefined }
  const refusal = await refusalIn(made, exchange(await ask('{"id":"P7"}'), rooms))
  t.match(refusal.fault, { code: 'internal_error' }, 'the setting would not have been taken')
  t.equal(system.calls.length, 0)
  t.strictSame(await leaks(), [])
})
