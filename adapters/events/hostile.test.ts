/**
 * What nobody should send: messages that are no events, headers and packets that are made to break a reader,
 * settings that make no sense.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { headers as natsHeaders } from '@nats-io/transport-node'
import fc from 'fast-check'
import { parser as createParser, generate, type IPublishPacket } from 'mqtt-packet'
import t from 'tap'
import { listen } from '#adapters/client/listener-fixture.ts'
import { emptyFolder } from '#adapters/kit/kit-fixture.ts'
import { readWorkerSettings } from '#adapters/kit/serve-worker.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { Fault } from '#schemas/fault.ts'
import { until } from '#test/until.ts'
import { eventsAdapter } from './adapter.ts'
import type { Broker, Outgoing, Taken } from './broker.ts'
import { openDeliveries } from './deliveries.ts'
import { INBOX, settingsFile } from './events-fixture.ts'
import { forwardToBroker } from './forward-to-broker.ts'
import { makeEvent } from './make-event.ts'
import { createForwardingMetrics } from './metrics.ts'
import { createFrames } from './mqtt/frames.ts'
import { readProperties, writeProperties } from './mqtt/properties.ts'
import { createCatchUp } from './nats/catch-up.ts'
import { readNatsHeaders, writeNatsHeaders } from './nats/headers.ts'
import { openQuarantine } from './quarantine.ts'

const LEAST = { specversion: '1.0', id: '1', source: '/a', type: 't' }
const taken = (body: string | Buffer, more: Partial<Taken> = {}): Taken => ({
  ...{ subject: 's', position: 'S-1', headers: [], properties: new Map(), body: Buffer.from(body) },
  ...{ confirm: async () => undefined, ...more },
})
const codeOf = (act: () => unknown): string => {
  try {
    act()
    return 'accepted'
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.code
    throw thrown
  }
}

t.test('an event of an inbox that nobody can read keeps no other from the broker', async (t) => {
  const sender = 'DEV/GOV/1000/tax'
  const event = (id: string, data: string): string =>
    `{"specversion":"1.0","id":"${id}","source":"/t","type":"x","data":${data}}`
  const item = (id: string, text: string): string =>
    `{"id":"${id}","delivery":"D-${id}","sender":"${sender}","attempt":1,"leaseId":"L","event":${text}}`
  const answer = `{"events":[${item('1', event('bad', '{"a":1,"a":2}'))},${item('2', event('A', '1.50'))}]}`
  const said = { consumed: null, returned: ['1'] }
  const { url, arrived } = await listen(t, (response, { method }) => {
    const isFirst = arrived.length === 1
    const body = method === 'POST' ? JSON.stringify(said) : isFirst ? answer : '{"events":[]}'
    response.writeHead(200, { 'content-type': 'application/json' }).end(body)
  })
  const published: Outgoing[] = []
  const broker: Pick<Broker, 'finding' | 'publish'> = {
    finding: () => ({ ok: true }),
    publish: async (message) => void published.push(message),
  }
  const lines: string[] = []
  const forwarder = forwardToBroker({
    way: { name: 'in', inbox: INBOX, to: 'got', mode: 'structured', pollMs: 50, leaseSeconds: 60 },
    limits: { messages: 10, atOnce: 2, eventBytes: 1000, bytes: 1_000_000 } as never,
    deliveries: await openDeliveries({ url, client: 'DEV/GOV/2000/population' }),
    ...{ broker: broker as Broker, metrics: createForwardingMetrics(createMetrics()) },
    log: createLog({ name: 'test', level: 'info', destination: { write: (line) => void lines.push(line) } }),
  })
  const targets = (): string => arrived.map(({ target }) => target).join()
  await until('it is consumed', async (saw) => saw(targets()).includes('/2/acknowledgement'))
  await forwarder.stop()
  t.strictSame(
    published.map(({ body }) => body.toString()),
    [event('A', '1.50')],
  )
  t.match(targets(), /\/1\/return/)
  t.match(lines.join(''), /unreadable_event.*given back/s)
})

t.test('messages that are no events', async (t) => {
  const as = { format: 'cloudevents', eventBytes: 1000 } as const
  const code = (message: Taken) => codeOf(() => makeEvent(message, as))
  const type = (value: string): Partial<Taken> => ({ headers: [['content-type', value]] })
  t.equal(code(taken(JSON.stringify(LEAST))), 'accepted')
  t.equal(code(taken('x'.repeat(1001))), 'body_too_large')
  t.equal(code(taken('{"a":')), 'malformed_json')
  t.equal(code(taken('{}')), 'invalid_event')
  t.equal(code(taken(`[${JSON.stringify(LEAST)}]`)), 'invalid_event')
  t.equal(code(taken('[]', type('application/cloudevents-batch+json'))), 'invalid_event')
  t.equal(code(taken('x', type('application/cloudevents+avro'))), 'invalid_event')
  t.equal(code(taken('{}', type('nonsense'))), 'invalid_event')
  t.equal(code(taken(Buffer.from(JSON.stringify({ ...LEAST, subject: 'Mägi' }), 'latin1'))), 'malformed_json')
  t.equal(code(taken('"\u0000"')), 'malformed_json')
  t.equal(code(taken('{"id":"1","id":"2"}')), 'malformed_json')
  t.equal(code(taken('['.repeat(900))), 'malformed_json')
  const binary = (more: [string, string][]): Partial<Taken> => ({
    headers: [
      ...Object.entries(LEAST).map(([name, value]): [string, string] => [`ce-${name}`, value]),
      ...more,
    ],
  })
  t.equal(code(taken('', binary([]))), 'accepted')
  t.equal(code(taken('', binary([['ce-id', '2']]))), 'invalid_event', 'doubled')
  t.equal(code(taken('', binary([['ce-subject', '%C0%A0']]))), 'invalid_event')
  t.equal(code(taken('', binary([['ce-subject', 'a\ufffdb']]))), 'invalid_event')
  t.equal(
    code(taken(Buffer.alloc(900, 0xff), binary([['content-type', 'image/png']]))),
    'body_too_large',
    'as base64',
  )
  const fault = new Fault('invalid_event')
  t.equal(code(taken(JSON.stringify(LEAST), { fault })), 'invalid_event')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (body, value) => {
      const message = taken(Buffer.from(body), type(value))
      const outcome = code(message)
      return ['accepted', 'invalid_event', 'malformed_json', 'body_too_large'].includes(outcome)
    }),
  )
})

t.test('plain messages', async (t) => {
  const as = (attributes: object, contentType?: string) => ({
    ...{ format: 'plain' as const, eventBytes: 1000, contentType },
    attributes: { type: { text: 't' }, source: { text: '/s' }, id: { pointer: '/id' }, ...attributes },
  })
  const made = (body: string, q: ReturnType<typeof as>, more: Partial<Taken> = {}) =>
    JSON.parse(makeEvent(taken(body, more), q).body.toString()) as Record<string, unknown>
  t.match(made('{"id":7,"n":1.50}', as({}, 'application/json')), { id: '7', type: 't', source: '/s' })
  t.match(
    makeEvent(taken('{"id":7,"n":1.50}'), as({}, 'application/json')).body.toString(),
    '"data":{"id":7,"n":1.50}',
  )
  const keyed = as({ partitionkey: { header: 'X-Key' }, subject: { of: 'subject' }, id: { of: 'position' } })
  t.match(made('x', as({ id: { of: 'key' } }), { key: 'K' }), { id: 'K' })
  t.match(made('x', keyed, { properties: new Map([['x-key', 'K']]) }), {
    ...{ partitionkey: 'K', subject: 's', id: 'S-1', data_base64: 'eA==' },
  })
  const code = (body: string | Buffer, q = as({})) => codeOf(() => makeEvent(taken(body), q))
  t.equal(code('no json'), 'invalid_event')
  t.equal(code(Buffer.from([0x22, 0xff, 0x22])), 'invalid_event')
  for (const value of [
    '{}',
    '{"id":null}',
    '{"id":1.5}',
    '{"id":12345678901234567890}',
    '{"id":{}}',
    '{"id":""}',
  ])
    t.equal(code(value), 'invalid_event', value)
  t.equal(code('{"__proto__":{"id":"1"}}', as({ id: { pointer: '/constructor/name' } })), 'invalid_event')
  t.equal(code('{"id":"1"}', as({ subject: { header: 'absent' } })), 'invalid_event')
  t.equal(code('{"id":"1"}', as({ partitionkey: { of: 'key' } })), 'invalid_event')
  t.match(made('{"a/b":[0,{"~":"x"}]}', as({ id: { pointer: '/a~1b/1/~0' } })), { id: 'x' })
})

t.test('headers of NATS and properties of MQTT', async (t) => {
  const found = natsHeaders()
  for (const [name, value] of [
    ...[
      ['Ce-Id', '1'],
      ['ce-DataContentType', 'text/plain'],
      ['Content-Type', 'ours'],
      ['X', 'a'],
      ['X', 'b'],
    ],
  ] as [string, string][])
    found.append(name, value)
  const read = readNatsHeaders(found)
  t.strictSame(read.headers.toSorted(), [
    ['ce-id', '1'],
    ['content-type', 'text/plain'],
  ])
  t.equal(read.properties.get('x'), 'a')
  t.strictSame(readNatsHeaders(undefined), { headers: [], properties: new Map() })
  const written = writeNatsHeaders({
    headers: [['content-type', 'text/plain']],
    properties: [
      ['Nats-Msg-Id', 'forged'],
      ['Nats-Rollup', 'all'],
      ['X', '1'],
    ],
  })
  t.strictSame([...written].map(([name]) => name).toSorted(), ['X', 'ce-datacontenttype'])
  t.throws(() => writeNatsHeaders({ headers: [], properties: [['a b', '1']] }))
  t.throws(() => writeNatsHeaders({ headers: [], properties: [['a', '1\r\nNats-Rollup: all']] }))

  const properties = { userProperties: { id: ['1', '2'], 'X-Ours': 'é', data: 'x', subject: 'Mägi "%' } }
  const mqtt = readProperties({ properties })
  t.strictSame(mqtt.headers, [
    ['ce-id', '1'],
    ['ce-id', '2'],
    ['ce-subject', 'M%C3%A4gi%20%22%25'],
  ])
  t.equal(mqtt.properties.get('x-ours'), 'é')
  const back = writeProperties({ headers: mqtt.headers, properties: [['X', '1']] })
  t.strictSame(back.userProperties, { id: ['1', '2'], subject: ['Mägi "%'], X: ['1'] })
  const refused = (value: string) =>
    codeOf(() => writeProperties({ headers: [], properties: [['a', value]] }))
  t.equal(refused('x'.repeat(65_536)), 'source_refused')
  t.equal(refused('a\0b'), 'source_refused')
})

t.test('packets in any pieces, too large ones without their end', async (t) => {
  const packet = (size: number, property = 'v'): Buffer =>
    generate(
      {
        ...{ cmd: 'publish', qos: 1, dup: false, retain: false, messageId: 7, topic: 'a/b' },
        ...{ payload: Buffer.alloc(size, 'x'), properties: { userProperties: { p: property } } },
      },
      { protocolVersion: 5 },
    ) as Buffer
  const read = (bytes: Buffer, pieces: number): { size: number; isCut: boolean; property: unknown }[] => {
    const seen: { size: number; isCut: boolean; property: unknown }[] = []
    const frames = createFrames(1000, ({ bytes: one, isCut }) => {
      const parser = createParser({ protocolVersion: 5 })
      parser.on('packet', (packet) => {
        const found = packet as IPublishPacket
        t.equal(found.messageId, 7)
        const property = found.properties?.userProperties?.['p']
        seen.push({ size: found.payload.length, isCut, property })
      })
      parser.parse(one)
    })
    for (let at = 0; at < bytes.length; at += pieces) frames(bytes.subarray(at, at + pieces))
    return seen
  }
  const stream = Buffer.concat([packet(0), packet(500), packet(5_000), packet(200_000), packet(3)])
  for (const pieces of [1, 7, 1000, stream.length]) {
    const seen = read(stream, pieces)
    t.strictSame(
      seen.map(({ isCut }) => isCut),
      [false, false, true, true, false],
      `${pieces}`,
    )
    t.ok(seen.every(({ size }) => size <= 1000))
    t.ok(seen.every(({ property }) => property === 'v'))
  }
  const [head] = read(packet(5, 'y'.repeat(5_000)), 100)
  t.match(
    head,
    { isCut: true, size: 0, property: undefined },
    'properties that are not all there are left out',
  )
  t.throws(() => read(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x7f]), 1), /malformed/)
  t.throws(() => read(Buffer.from([0x40, 0xff, 0xff, 0x7f]), 4), /larger/)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      let most = 0
      const frames = createFrames(50, ({ bytes: one }) => {
        most = Math.max(most, one.length)
      })
      try {
        frames(Buffer.from(bytes))
      } catch (thrown) {
        if (!(thrown instanceof Error)) throw thrown
      }
      return most <= 55
    }),
  )
})

t.test('after a crash newer messages wait for the older ones', async (t) => {
  const order = (until: number, missing: number, seqs: number[], settle?: number): number[] => {
    const passed: number[] = []
    const catchUp = createCatchUp<{ seq: number }>({ until, missing }, ({ seq }) => passed.push(seq))
    for (const seq of seqs) catchUp.take({ seq })
    if (settle !== undefined) catchUp.settle(settle)
    return passed
  }
  t.strictSame(order(3, 2, [4, 5, 3, 1, 6]), [1, 3, 4, 5, 6])
  t.strictSame(order(3, 0, [4, 5]), [4, 5])
  t.strictSame(order(3, 2, [4, 3]), [], 'one is missing yet')
  t.strictSame(order(3, 2, [4, 3], 2), [3, 4], 'and was removed from the stream')
})

t.test('a quarantine folder', async (t) => {
  const folder = path.join(emptyFolder(t), 'aside')
  const broker = {} as Broker
  const open = (files: number) => openQuarantine({ name: 'w', quarantine: { folder, files } }, broker)
  const why = new Fault('invalid_event', { what: 'id is missing' })
  const message = taken('bad', { properties: new Map([['x', '../..']]), subject: '../../etc' })
  await open(2).setAside(message, why)
  await open(2).setAside(message, why)
  await open(2).setAside(taken('bad', { position: undefined }), why)
  const names = readdirSync(folder).toSorted()
  t.equal(names.length, 4, 'the same message is there once')
  t.ok(names.every((name) => /^[0-9a-f]{32}\.(?:json|body)$/.test(name)))
  const facts = JSON.parse(
    readFileSync(path.join(folder, names.find((name) => name.endsWith('json'))!), 'utf8'),
  )
  t.match(facts, { way: 'w', code: 'invalid_event', reason: /id is missing/ })
  await t.rejects(open(2).setAside(taken('other', { position: 'S-9' }), why), { code: 'source_busy' })
  const file = path.join(emptyFolder(t), 'file')
  writeFileSync(file, '')
  const nowhere = openQuarantine(
    { name: 'w', quarantine: { folder: path.join(file, 'x'), files: 2 } },
    broker,
  )
  await t.rejects(nowhere.setAside(message, why), { code: 'source_unavailable' })
})

t.test('settings that make no sense', async (t) => {
  const securityServer = { url: 'http://127.0.0.1:8080', client: 'DEV/GOV/1002/tax' }
  const broker = { kind: 'nats', urls: ['nats://127.0.0.1:4222'] }
  const inbox = 'DEV/GOV/1001/population/a'
  const way = { name: 'a', from: 's', stream: 'S', inbox, quarantine: { to: 'q' } }
  const plain = { type: { text: 't' }, source: { text: '/s' }, id: { of: 'position' } }
  const good = { securityServer, broker, send: [way] }
  const refusal = (change: object): Promise<unknown> =>
    readWorkerSettings(eventsAdapter, settingsFile(t, { ...good, ...change }), {}).then(
      () => 'accepted',
      (thrown: Fault) => thrown.message,
    )
  const kafka = { kind: 'kafka', urls: ['kafka://127.0.0.1:9092'] }
  const mqtt = { kind: 'mqtt', urls: ['mqtt://127.0.0.1:1883'] }
  t.equal(await refusal({}), 'accepted')
  for (const [change, text] of [
    [{ send: [] }, /neither send nor receive/],
    [{ monitoring: { address: '10.0.0.1' } }, /monitoring\.address/],
    [{ securityServer: { ...securityServer, url: 'http://10.0.0.1' } }, /must be https/],
    [{ securityServer: { ...securityServer, url: 'https://10.0.0.1' } }, /authorityFile is needed/],
    [{ broker: { ...broker, urls: ['nats://10.0.0.1'] } }, /tls:\/\//],
    [{ broker: { ...broker, urls: ['mqtt://127.0.0.1'] } }, /must begin with/],
    [{ broker: { ...broker, authorityFile: 'x' } }, /is for tls/],
    [{ broker: { ...broker, tokenFile: 'x', nkeyFile: 'y' } }, /exclude each other/],
    [{ broker: { ...mqtt, tokenFile: 'x' } }, /is for NATS/],
    [{ broker: { ...mqtt, urls: [...mqtt.urls, ...mqtt.urls] } }, /more than one/],
    [{ broker: mqtt }, /stream is for NATS/],
    [{ send: [{ ...way, stream: undefined }] }, /stream is needed/],
    [{ send: [way, way] }, /is that of another one/],
    [{ send: [{ ...way, quarantine: {} }] }, /needs folder or to/],
    [{ send: [{ ...way, room: 'DEV/GOV/1/a/b' }] }, /inbox or room is needed, and not both/],
    [{ send: [{ ...way, inbox: undefined, room: 'DEV/GOV/1/a/b' }] }, /room is no room of /],
    [{ send: [{ ...way, quarantine: { to: 'q.>' } }] }, /wildcards/],
    [{ receive: [{ name: 'b', inbox, to: 'a.*' }] }, /wildcards/],
    [{ send: [{ ...way, attributes: plain }] }, /is for format: plain/],
    [{ send: [{ ...way, format: 'plain' }] }, /attributes\.type is needed/],
    [{ send: [{ ...way, format: 'plain', attributes: { ...plain, id: { text: '1' } } }] }, /same event/],
    [{ send: [{ ...way, format: 'plain', attributes: { ...plain, data: { text: '1' } } }] }, /cannot be set/],
    [{ broker: kafka }, /stream is for NATS/],
    [{ broker: { ...kafka, user: 'u' } }, /passwordFile is needed/],
    [{ broker: kafka, send: [{ ...way, stream: undefined, from: 'tax.*' }] }, /no name of a topic/],
    [{ broker: kafka, send: [], receive: [{ name: 'b', inbox, to: '..' }] }, /no name of a topic/],
    [{ broker: { ...kafka, urls: ['kafka://10.0.0.1'] } }, /kafkas:\/\//],
    [{ send: [{ ...way, format: 'plain', attributes: { ...plain, id: { of: 'key' } } }] }, /only Kafka/],
    [{ send: [{ ...way, stream: '../x' }] }, /stream/],
    [{ send: [{ ...way, from: 'a b' }] }, /from/],
  ] as const)
    t.match(await refusal(change), text)
  const subject = { ...way, stream: undefined, format: 'plain', attributes: plain }
  t.match(await refusal({ broker: mqtt, send: [subject] }), /MQTT has none/)
})
