import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import type { HeaderList } from '#core/transport/header-list.ts'
import type { CloudEvent } from './cloud-event.ts'
import { JSON_TYPE, LEAST, refusal, structured } from './event-fixture.ts'
import { readEvent, readEvents } from './read-event.ts'
import { writeBatch, writeBinary, writeStructured } from './write-event.ts'

const BATCH_TYPE: HeaderList = [['Content-Type', 'application/cloudevents-batch+json']]

/** Any character of Unicode; fast-check's own arbitrary of them takes seconds to make. */
const character = fc
  .integer({ min: 0, max: 0x10f7ff })
  .map((point) => String.fromCodePoint(point < 0xd800 ? point : point + 0x800))

function binary(headers: Record<string, string>, body = ''): CloudEvent {
  const least = { 'ce-specversion': '1.0', 'CE-Id': '1', 'Ce-Source': '/a', 'ce-type': 't' }
  return readEvent(Object.entries({ ...least, ...headers }), Buffer.from(body))
}

const shown = (event: CloudEvent): object => ({
  ...event,
  extensions: Object.fromEntries(event.extensions),
  ...(event.data === undefined ? {} : { data: event.data.toString() }),
})

void t.test('the examples of the HTTP binding and the JSON format', async (t) => {
  const someEvent = {
    'ce-type': 'com.example.someevent',
    'ce-time': '2018-04-05T03:56:24Z',
    'CE-Id': '1234-1234-1234',
    'Ce-Source': '/mycontext/subcontext',
    'Content-Type': 'application/json; charset=utf-8',
  }
  t.strictSame(shown(binary(someEvent, '{"a": 1}\n')), {
    id: '1234-1234-1234',
    source: '/mycontext/subcontext',
    type: 'com.example.someevent',
    datacontenttype: 'application/json; charset=utf-8',
    time: '2018-04-05T03:56:24Z',
    extensions: {},
    data: '{"a": 1}\n',
  })
  // JSON format, 3.2: the same events as JSON and in headers.
  const extensions = { comexampleextension1: 'value', comexampleothervalue: 5 }
  const headers = ['ce-comexampleextension1: value', 'ce-comexampleothervalue: 5']
  const pairs: [members: object | string, lines: string[], body: string][] = [
    [
      { datacontenttype: 'application/vnd.apache.thrift.binary', data_base64: 'AAEC/w==' },
      ['content-type: application/vnd.apache.thrift.binary'],
      '\x00\x01\x02\xff',
    ],
    [
      { unsetextension: null, datacontenttype: 'application/xml', data: '<much wow="xml"/>' },
      ['content-type: application/xml'],
      '<much wow="xml"/>',
    ],
    [{ datacontenttype: 'application/json', data: 1.5 }, ['content-type: application/json'], '1.5'],
    [{ subject: null, data: "I'm a string" }, ['content-type: application/json'], '"I\'m a string"'],
    [{ data_base64: 'eyAieHl6IjogMTIzIH0=' }, [], '{ "xyz": 123 }'],
    [{ data: null }, ['content-type: application/json'], 'null'],
    [{}, [], ''],
  ]
  for (const [members, lines, body] of pairs) {
    const written = writeBinary(structured({ ...extensions, ...(members as object) }))
    t.strictSame(written.headers.map(([name, value]) => `${name}: ${value}`).slice(4), [...headers, ...lines])
    t.equal(written.body.toString('latin1'), body)
  }
  const implied = structured({ data: [1] })
  t.strictSame(
    [implied.datacontenttype, implied.isJsonImplied],
    [undefined, true],
    'stays unset: signatures cover it',
  )
})

void t.test('data stays the bytes that came', async (t) => {
  const raw = '{ "n" : 12345678901234567890 , "s":"\\u00e9", "x": 1, "y": [2] }'
  const text = `{"data" :\n ${raw} , "id":"1","source":"/a","type":"t","specversion":"1.0"}`
  const event = structured(text)
  t.equal(event.data?.toString(), raw)
  t.equal(readEvent(JSON_TYPE, writeStructured(event).body).data?.toString(), raw)
  const spaced = binary({ 'content-type': 'application/json' }, ' {"a":1}\n')
  t.equal(
    JSON.parse(writeStructured(spaced).body.toString()).data_base64,
    Buffer.from(' {"a":1}\n').toString('base64'),
    'space around it would be lost in a document',
  )
  const twice = '{"a":1,"a":2}'
  const doubled = writeStructured(binary({ 'content-type': 'application/json' }, twice)).body
  t.equal(
    JSON.parse(doubled.toString()).data_base64,
    Buffer.from(twice).toString('base64'),
    'nor does a name stand twice in an object of a document',
  )
  const before = Buffer.from(`${JSON.stringify(LEAST).slice(0, -1)},"data":${twice}}`)
  t.equal(
    readEvent(JSON_TYPE, before, { mayDouble: true }).data?.toString(),
    twice,
    'what was taken before is read',
  )
  const latin = structured({ datacontenttype: 'text/plain; charset=ISO-8859-1', data_base64: '6Q==' })
  t.match(writeStructured(latin).body.toString(), '"data_base64":"6Q=="')
  t.match(
    refusal(() => structured({ datacontenttype: 'text/plain; charset=ISO-8859-1', data: 'é' })),
    /data_base64/,
  )
  t.match(
    refusal(() => writeStructured({ ...implied(), data: Buffer.from('{') })),
    /data is not JSON/,
  )
})

const implied = (): CloudEvent => structured({ data: 1 })

void t.test('hostile messages', async (t) => {
  const headers: [headers: HeaderList, what: RegExp][] = [
    [
      [
        ['ce-id', '1'],
        ['CE-ID', '2'],
      ],
      /a header is doubled/,
    ],
    [
      [
        ['content-type', 'text/plain'],
        ['Content-Type', 'text/plain'],
      ],
      /content-type is doubled/,
    ],
    [[['ce-datacontenttype', 'text/plain']], /ce-datacontenttype/],
    [[['ce-data', 'x']], /name that is not allowed/],
    [[['ce-__proto__', 'x']], /name that is not allowed/],
    [[['ce-', 'x']], /name that is not allowed/],
    [[['ce-subject', '%C0%A0']], /percent-encoded/],
    [[['ce-subject', '%00']], /subject has characters/],
    [[['content-type', 'nonsense']], /not a media type/],
    [[['content-type', 'application/cloudevents+avro']], /one event is needed/],
    [[['content-type', 'Application/CloudEvents-Batch+json']], /one event is needed/],
  ]
  const least: HeaderList = [
    ['ce-specversion', '1.0'],
    ['ce-source', '/a'],
    ['ce-type', 't'],
  ]
  for (const [more, what] of headers) {
    const id: HeaderList = more.some(([name]) => name === 'ce-id') ? [] : [['ce-id', '1']]
    t.match(
      refusal(() => readEvent([...least, ...id, ...more], Buffer.from('x'))),
      what,
    )
  }
  const open = JSON.stringify(LEAST).slice(0, -1)
  const documents = [
    `${open},"id":"2"}`,
    `${open},"\\u0069d":"2"}`,
    `${open},"data":1,"data":2}`,
    `${open},"data":{"a":1,"a":2}}`,
    `${open},"data":[{"a":{"b":1,"c":[],"\\u0062" : 2}}]}`,
    `${open},"data":{"a":1,"b":{"x":[{"y":0}]},"b":2}}`,
    `${open},"data":{"\\ud800":1,"\\ud800":2}}`,
    `${open},"data":${'['.repeat(65)}${']'.repeat(65)}}`,
    `${open},"data":${'['.repeat(1_000_000)}`,
    `\ufeff${open}}`,
    `${open},}`,
    `${open}}}`,
    `${open},"ext":"\\ud800"}`,
    `${open},"ext":'a'}`,
    `${open},"datacontenttype":"text/plain","data":"\\udc00"}`,
    '',
    '{',
  ]
  for (const text of documents)
    t.match(
      refusal(() => structured(text)),
      /^malformed_json: /,
      text.slice(0, 90),
    )
  // A name may stand in each object, and as a value.
  structured(`${open},"data":{"a":"a","b":[{"a":1},{"a":"b"}],"c":{"a":{"a":":"}},"d":["b","b",": "]}}`)
  for (const bytes of ['ff', '7b22c0af223a317d'])
    t.match(
      refusal(() => readEvent(JSON_TYPE, Buffer.from(bytes, 'hex'))),
      /UTF-8/,
    )
  for (const name of ['__proto__', 'constructor_', 'hasOwnProperty']) {
    t.match(
      refusal(() => structured(`${open},"${name}":"x"}`)),
      /name that is not allowed/,
    )
  }
  t.match(
    refusal(() => structured(`${open},"__proto__":{"x":1}}`)),
    /not a text/,
  )
  t.match(
    refusal(() => structured({ ext: 'x'.repeat(65_536) })),
    /65536 bytes/,
  )
  t.match(
    refusal(() => structured({ ext: 'é'.repeat(32_768) })),
    /65536 bytes/,
  )
  t.match(
    refusal(() => structured(Object.fromEntries(Array.from({ length: 253 }, (_, i) => [`x${i}`, ''])))),
    /256/,
  )
  t.match(
    refusal(() => structured(Object.fromEntries(Array.from({ length: 297 }, (_, i) => [`x${i}`, ''])))),
    /over 300 members/,
  )
  t.match(
    refusal(() => structured({ data: 'x'.repeat(4_194_304) })),
    /4194304 bytes/,
  )
  // Long strings full of escapes, brackets in strings: linear, and no deeper on the stack.
  const text = `${'\\"\\\\[{'.repeat(50_000)}`
  t.equal(structured(`${open},"datacontenttype":"text/plain","data":"${text}"}`).data?.length, 200_000)

  const event = `${open}}`
  const batch = (text: string, maxEvents = 2): CloudEvent[] =>
    readEvents(BATCH_TYPE, Buffer.from(text), { maxEvents })
  t.strictSame([batch('[]').length, batch(`[${event}, ${event}]`).length, batch(` [ ] `).length], [0, 2, 0])
  t.equal(readEvents(JSON_TYPE, Buffer.from(event)).length, 1)
  t.match(
    refusal(() => batch(`[${event},${event},${event}]`)),
    /over 2 items/,
  )
  for (const text of ['{}', event, '[1]', '[[]]', `[${event},{}]`])
    t.match(
      refusal(() => batch(text)),
      /invalid_event/,
    )
  t.match(
    refusal(() => readEvents(BATCH_TYPE, Buffer.from('[]'), { maxJsonBytes: 1 })),
    /over 1 bytes/,
  )
})

void t.test('what is written is read again', async (t) => {
  const text = fc
    .string({ unit: character, minLength: 1 })
    .map((any) => any.replace(/[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/gu, '') || 'x')
  const extensions = fc
    .dictionary(fc.stringMatching(/^x[a-z0-9]{0,9}$/), fc.oneof(text, fc.boolean(), fc.integer()), {
      maxKeys: 4,
    })
    .map((values) => new Map(Object.entries(values)))
  const events = fc.record(
    {
      id: text,
      source: fc
        .string({ unit: fc.constantFrom('a', '/', '?', '%C3%A4', '~', ':') })
        .map((rest) => `https://example.org/${rest}`),
      type: text,
      datacontenttype: fc.constantFrom(
        'application/json',
        'text/plain',
        'image/png',
        'a/b+json; charset=utf-8',
      ),
      subject: text,
      time: fc.constant('2026-05-13T10:49:12.123456+01:00'),
      extensions,
      data: fc
        .oneof(
          fc.uint8Array({ minLength: 1 }),
          fc.json().map((json) => Buffer.from(json)),
          text.map((any) => Buffer.from(any)),
        )
        .map((bytes) => Buffer.from(bytes)),
    },
    { noNullPrototype: true, requiredKeys: ['id', 'source', 'type', 'extensions'] },
  )
  fc.assert(
    fc.property(events, (event) => {
      const document = writeStructured(event)
      const batch = writeBatch([event, event])
      const inHeaders = writeBinary(event)
      const texts = new Map([...event.extensions].map(([name, value]) => [name, String(value)]))
      return (
        isDeepStrictEqual(readEvent(document.headers, document.body), event) &&
        isDeepStrictEqual(readEvents(batch.headers, batch.body), [event, event]) &&
        isDeepStrictEqual(readEvent(inHeaders.headers, inHeaders.body), { ...event, extensions: texts })
      )
    }),
    { numRuns: 200 },
  )
  for (const wrong of [
    { id: '' },
    { source: 'a b' },
    { extensions: new Map([['A', 'x']]) },
    { time: 'now' },
  ]) {
    const event = { ...structured({}), ...wrong }
    for (const write of [writeBinary, writeStructured])
      t.match(
        refusal(() => write(event)),
        /^invalid_event/,
      )
  }
})

void t.test('any text is an event or a fault', (t) => {
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"id"',
    '"1"',
    '"data"',
    '"source"',
    'null',
    '1',
    '\\',
    '"',
    ' ',
    '-0',
    'true',
  ]
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...pieces), maxLength: 40 }), (text) => {
      // Whatever else is thrown fails the test.
      const [one, list] = [
        refusal(() => structured(text)),
        refusal(() => readEvents(BATCH_TYPE, Buffer.from(text))),
      ]
      return one !== 'accepted' && (list === 'accepted') === /^ *\[ *\] *$/.test(text)
    }),
    { numRuns: 2_000 },
  )
  t.end()
})
