/**
 * What is handed over and fetched, and what a hostile or broken answer does; against listeners in place of a
 * security server.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import fc from 'fast-check'
import t from 'tap'
import { type CloudEvent, writeEvent } from './event.ts'
import { eventSpans, withoutSpans } from './event-spans.ts'
import { type Behaviour, CLIENT, errorOf, fault, listen, raw } from './listener-fixture.ts'

const INBOX = 'DEV/GOV/1001/population/assessments'
const EVENT: CloudEvent = { id: 'A-1', source: '/tax', type: 'org.example.assessed', data: { amount: 1200 } }
const LEASE = '11111111-1111-4111-8111-111111111111'

const json = (response: ServerResponse, value: unknown, status = 200): void =>
  void response
    .writeHead(status, { 'content-type': 'application/json;charset=utf-8' })
    .end(JSON.stringify(value))

function receiptOf(body: Uint8Array, change: object = {}): object {
  const said = {
    ...{ kind: 'accepted', delivery: 'DEV-1', server: 'DEV/GOV/1002/ss1', time: '2026-11-29T08:00:00.000Z' },
    ...{ eventSource: '/tax', eventId: 'A-1', arrived: 'no', means: '', reason: '' },
    eventDigest: createHash('sha512').update(body).digest('base64'),
    ...change,
  }
  return { receipt: Buffer.from(JSON.stringify(said)).toString('base64'), signatures: 'PHg+' }
}

const shown = (body: Uint8Array, change: object = {}): object => ({
  ...{ id: 'DEV-1', state: 'waiting', sender: CLIENT, inbox: INBOX, source: '/tax', eventId: 'A-1' },
  ...{ changedAt: '2026-11-29T08:00:00.000Z', attempts: 0, error: null, expiresAt: null },
  ...{ accepted: receiptOf(body), ended: null, ...change },
})

/** Each behaviour once, the last one from then on. */
function oneAfterTheOther(...behaviours: Behaviour[]): Behaviour {
  return (response, arrived) =>
    (behaviours.length > 1 ? behaviours.shift()! : behaviours[0]!)(response, arrived)
}

const accepting: Behaviour = (response, { body }) => json(response, shown(body), 202)

t.test('an event is handed over as it is, and accepted with its receipt', async (t) => {
  const { own, arrived } = await listen(t, accepting)
  const options = { userId: 'EE1', issue: '7', representedParty: 'COM/77' }
  const sent = await own.send(INBOX, { ...EVENT, partitionkey: 'P1', flag: true, nth: 3 }, options)
  t.match(sent, { id: 'DEV-1', state: 'waiting', error: undefined, ended: undefined })
  t.match(sent.accepted, { kind: 'accepted', eventId: 'A-1', proof: { signatures: 'PHg+' } })
  const { host: _host, connection: _connection, ...headers } = arrived[0]!.headers
  t.match(arrived[0], { method: 'POST', target: `/deliveries/v1/${INBOX}` })
  t.strictSame(headers, {
    'x-road-client': CLIENT,
    'x-road-userid': 'EE1',
    'x-road-issue': '7',
    'x-road-represented-party': 'COM/77',
    'content-type': 'application/cloudevents+json',
    'content-length': String(arrived[0]!.body.length),
  })
  t.strictSame(JSON.parse(arrived[0]!.body.toString()), {
    ...{ specversion: '1.0', id: 'A-1', source: '/tax', type: 'org.example.assessed' },
    ...{ partitionkey: 'P1', flag: true, nth: 3, data: { amount: 1200 } },
  })
  await own.send(INBOX, { ...EVENT, data: new Uint8Array([0, 255]) })
  t.match(JSON.parse(arrived[1]!.body.toString()), { data_base64: 'AP8=' })
  const bytes = new TextEncoder().encode('{ "specversion":"1.0" , "data": 1.50 }')
  await own.send(INBOX, bytes)
  t.strictSame(new Uint8Array(arrived[2]!.body), bytes, 'octets as they were given')
})

t.test('what is no event is refused before anything is sent', async (t) => {
  const { own, arrived } = await listen(t, accepting)
  const wrong: Record<string, unknown>[] = [
    ...[{ id: '' }, { id: 1 }, { source: undefined }, { type: null }, { specversion: '0.3' }],
    ...[
      { data: 1, data_base64: 'AA==' },
      { data: 1n },
      { Upper: 'x' },
      { 'a-b': 'x' },
      { ['x'.repeat(21)]: 'x' },
    ],
    ...[{ extension: {} }, { extension: 1.5 }, { extension: null }, { time: new Date() }],
  ]
  for (const change of wrong)
    t.match(await errorOf(own.send(INBOX, { ...EVENT, ...change })), {
      code: 'invalid_argument',
      mayHaveBeenCarriedOut: false,
    })
  t.match(await errorOf(own.send('DEV/GOV/1001/population', EVENT)), { code: 'invalid_argument' })
  for (const id of ['', 'a b', '..', 'x'.repeat(256), 'ä'])
    t.match(await errorOf(own.delivery(id)), { code: 'invalid_argument' }, id)
  const inbox = own.inbox(INBOX)
  for (const options of [
    { limit: 0 },
    { limit: 101 },
    { leaseSeconds: 0 },
    { leaseSeconds: 3601 },
    { limit: 1.5 },
  ])
    t.match(await errorOf(inbox.fetch(options)), { code: 'invalid_argument' }, JSON.stringify(options))
  t.equal(arrived.length, 0)
})

t.test('it is handed over again after what may pass: the same octets, one acceptance', async (t) => {
  const cut: Behaviour = (response) => response.socket?.destroy()
  const later = { 'retry-after': '0' }
  const troubles: [string, Behaviour][] = [
    ['a connection that breaks', cut],
    ['a server that is full', fault(503, 'server.clientproxy.logging_failed', later)],
    ['a limit', fault(429, 'client.too_many_requests', later)],
    [
      'a page of a proxy',
      raw('HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 1\r\n\r\nx'),
    ],
    [
      'an answer that breaks off',
      raw(
        'HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{"id"',
        'destroy',
      ),
    ],
  ]
  for (const [name, trouble] of troubles) {
    const { own, arrived } = await listen(t, oneAfterTheOther(trouble, accepting))
    t.match(await own.send(INBOX, EVENT), { id: 'DEV-1' }, name)
    t.equal(arrived.length, 2, name)
    t.strictSame(arrived[1]!.body, arrived[0]!.body, name)
  }
  const { own, arrived } = await listen(
    t,
    oneAfterTheOther(cut, fault(503, 'server.clientproxy.busy', later)),
  )
  const error = await errorOf(own.send(INBOX, EVENT, { retries: 2 }))
  t.match(error, {
    ...{ code: 'server.clientproxy.busy', attempts: 3, mayHaveBeenCarriedOut: true, status: 503 },
    message: /\(server\.clientproxy\.busy\)\. Do this\. Do the very same again/,
  })
  t.equal(arrived.length, 3)
})

t.test('what no repetition mends is said at once', async (t) => {
  for (const [status, code] of [
    [409, 'client.event_id_reused'],
    [400, 'client.invalid_event'],
    [403, 'client.access_denied'],
  ] as const) {
    const { own, arrived } = await listen(t, fault(status, code))
    t.match(await errorOf(own.send(INBOX, EVENT)), {
      ...{ code, status, attempts: 1, mayHaveBeenCarriedOut: false, detail: 'the-detail' },
      message: /Nothing was done\.$/,
    })
    t.equal(arrived.length, 1)
  }
  const giving = new AbortController()
  const { own, arrived } = await listen(t, () => giving.abort())
  t.match(await errorOf(own.send(INBOX, EVENT, { signal: giving.signal })), {
    ...{ code: 'aborted', mayHaveBeenCarriedOut: true, next: /the very same again/ },
  })
  t.equal(arrived.length, 1, 'and not again')
  // The connection stands: no deadline passes before the event leaves.
  let isSilent = false
  const silent = await listen(t, (response, one) => {
    if (!isSilent) accepting(response, one)
  })
  await silent.own.send(INBOX, EVENT)
  isSilent = true
  t.match(await errorOf(silent.own.send(INBOX, EVENT, { deadlineMs: 200 })), {
    ...{ code: 'deadline_exceeded', mayHaveBeenCarriedOut: true },
  })
})

t.test('nothing but a receipt of this event is taken for its acceptance', async (t) => {
  const answers: [string, unknown, string][] = [
    [
      'another event',
      (body: Uint8Array) => shown(body, { accepted: receiptOf(new Uint8Array([1])) }),
      'inconsistent_answer',
    ],
    [
      'another kind',
      (body: Uint8Array) => shown(body, { accepted: receiptOf(body, { kind: 'consumed' }) }),
      'inconsistent_answer',
    ],
    ['no object', () => [], 'not_an_answer'],
    ['null', () => null, 'not_an_answer'],
    ['no id', (body: Uint8Array) => shown(body, { id: 7 }), 'not_an_answer'],
    ['no receipt', (body: Uint8Array) => shown(body, { accepted: undefined }), 'not_an_answer'],
    ['a receipt that is text', (body: Uint8Array) => shown(body, { accepted: 'yes' }), 'not_an_answer'],
    [
      'an empty receipt',
      (body: Uint8Array) => shown(body, { accepted: { receipt: 'e30=' } }),
      'not_an_answer',
    ],
    [
      'a receipt of nothing',
      (body: Uint8Array) => shown(body, { accepted: { receipt: '' } }),
      'not_an_answer',
    ],
  ]
  for (const [name, make, code] of answers) {
    const { own } = await listen(t, (response, { body }) =>
      json(response, (make as (body: Uint8Array) => unknown)(body), 202),
    )
    t.match(
      await errorOf(own.send(INBOX, EVENT, { retries: 0 })),
      { code, mayHaveBeenCarriedOut: true },
      name,
    )
  }
  for (const [name, wire] of Object.entries({
    'a page': 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\n{}',
    'a redirect': 'HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n',
    'an end that is not marked': 'HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\n\r\n{}',
    'no UTF-8':
      'HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\n{"\xff"}',
  })) {
    const { own } = await listen(t, raw(wire))
    t.match(await errorOf(own.send(INBOX, EVENT, { retries: 0 })), { code: 'not_an_answer' }, name)
  }
  const large = await listen(t, (response) => json(response, { filler: 'x'.repeat(10_000) }))
  t.match(await errorOf(large.own.delivery('DEV-1', { maxAnswerBytes: 1000 })), { code: 'answer_too_large' })
})

t.test('the events of an inbox are those that were sent, octet for octet', async (t) => {
  const text =
    '{ "specversion":"1.0","id":"B","source":"/t","type":"x","data": {"event":{"n":1.50}, "s":"\\"}{" } }'
  const head = `"id":"7","delivery":"DEV-2","sender":"DEV/GOV/1002/event","attempt":2,"leaseId":"${LEASE}"`
  const { own, arrived } = await listen(
    t,
    oneAfterTheOther(
      (response) => {
        const body = `{"events":[{${head},"event":${text}}]}`
        response.writeHead(200, { 'content-type': 'application/json' }).end(body)
      },
      (response) => json(response, { consumed: null, returned: ['7', '9'] }),
    ),
  )
  const inbox = own.inbox(INBOX)
  const [one] = await inbox.fetch({ limit: 5, leaseSeconds: 30 })
  t.equal(Buffer.from(one!.bytes).toString(), text)
  t.match(one, { id: '7', attempt: 2, sender: 'DEV/GOV/1002/event', event: { data: { event: { n: 1.5 } } } })
  t.ok(one!.leaseLeftMs > 0 && one!.leaseLeftMs <= 30_000)
  await one!.renew(3600)
  t.ok(one!.leaseLeftMs > 30_000)
  t.equal(await one!.acknowledge(), undefined, 'the receipt was erased')
  t.equal(one!.state, 'acknowledged')
  t.strictSame(await one!.giveBack({ delaySeconds: 5, untouched: true }), ['7', '9'])
  t.strictSame(
    arrived.map(({ method, target }) => `${method} ${target}`),
    [
      `GET /deliveries/v1/inbox/${INBOX}?limit=5&lease=30`,
      `POST /deliveries/v1/inbox/${INBOX}/7/renewal?leaseId=${LEASE}&lease=3600`,
      `POST /deliveries/v1/inbox/${INBOX}/7/acknowledgement`,
      `POST /deliveries/v1/inbox/${INBOX}/7/return?leaseId=${LEASE}&delay=5&untouched=true`,
    ],
  )
  for (const events of [7, [7], [{}], [null], [{ id: '../x', leaseId: 'x', event: EVENT }]]) {
    const broken = await listen(t, (response) => json(response, { events }))
    t.match(await errorOf(broken.own.inbox(INBOX).fetch({ retries: 0 })), { code: 'not_an_answer' })
  }
})

t.test('spans of events are found in any JSON that an answer can be', (t) => {
  const member = fc.dictionary(fc.constantFrom('event', 'events', 'a', '"', '\\', '{', 'ä'), fc.jsonValue(), {
    maxKeys: 4,
  })
  fc.assert(
    fc.property(fc.array(fc.record({ id: fc.string(), event: member, after: fc.string() })), (events) => {
      const answer = new TextEncoder().encode(JSON.stringify({ events }))
      const found = eventSpans(answer).map((span) => new TextDecoder().decode(span))
      assert.deepEqual(
        found,
        events.map(({ event }) => JSON.stringify(event)),
      )
      const skeleton = withoutSpans(answer, eventSpans(answer))
      assert.deepEqual(JSON.parse(Buffer.from(skeleton).toString()), {
        events: events.map((one) => ({ ...one, event: null })),
      })
    }),
    { numRuns: 500 },
  )
  for (const text of ['', '{', '"', '"\\', '{"a":"\\"', '[[[{"event":{', '}}}}', ']'])
    t.strictSame(eventSpans(new TextEncoder().encode(text)), [], text)
  t.end()
})

t.test('an event that was written is read as it was', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ minLength: 1 }), (data, id) => {
      const read = JSON.parse(Buffer.from(writeEvent({ ...EVENT, id, data })).toString()) as CloudEvent
      assert.equal(read.id, id)
      assert.equal(JSON.stringify(read.data), JSON.stringify(data))
    }),
  )
  t.end()
})
