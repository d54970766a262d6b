import fc from 'fast-check'
import t from 'tap'
import { type AttributeValue, attributeOf } from './cloud-event.ts'
import { LEAST, refusal, structured } from './event-fixture.ts'
import { decodeHeaderValue, encodeHeaderValue } from './header-value.ts'
import { utcSeconds } from './timestamp.ts'
import { isAbsoluteUri, isUriReference } from './uri-reference.ts'

/** Any character of Unicode; fast-check's own arbitrary of them takes seconds to make. */
const character = fc
  .integer({ min: 0, max: 0x10f7ff })
  .map((point) => String.fromCodePoint(point < 0xd800 ? point : point + 0x800))

void t.test('header values', async (t) => {
  const text = 'Euro € 😀'
  t.equal(encodeHeaderValue(text), 'Euro%20%E2%82%AC%20%F0%9F%98%80')
  const decoded: [value: string, text: string | undefined][] = [
    ['Euro%20%E2%82%AC%20%F0%9F%98%80', text],
    ['Euro%20%e2%82%ac%20%f0%9f%98%80', text],
    ['%41%2541', 'A%41'], // one round
    ['"Euro \\"%E2%82%AC\\" \\\\ x"', 'Euro "€" \\ x'],
    ['a "b c" d', 'a b c d'],
    [' \ta b\t ', 'a b'],
    ['a\\b', 'a\\b'],
    ['', ''],
    ['%C0%A0', undefined], // overlong
    ['%ED%A0%80', undefined], // a surrogate
    ['%E2%82', undefined],
    ['%', undefined],
    ['%4', undefined],
    ['%zz', undefined],
    ['%+1', undefined],
    ['a%\n0', undefined],
    ['"a', undefined],
    ['"a\\"', undefined],
    ['caf\u00e9', undefined],
    ['a\x00b', undefined],
    ['a\r\nce-id: 2', undefined],
  ]
  for (const [value, wanted] of decoded) t.equal(decodeHeaderValue(value), wanted, encodeURI(value))
  const before = process.cpuUsage()
  const inside = `a${' '.repeat(64_000)}b`
  t.equal(decodeHeaderValue(` \t${inside}\t `), inside)
  t.ok(process.cpuUsage(before).user < 2_000_000, 'blanks inside take no time of their own')
  fc.assert(
    fc.property(fc.string({ unit: character }), (any) => {
      const value = encodeHeaderValue(any)
      return /^[\x21-\x7e]*$/.test(value) && decodeHeaderValue(value) === any
    }),
  )
})

void t.test('times and URIs', async (t) => {
  const times: [text: string, utc: string | undefined][] = [
    ['2026-05-13T10:49:12.123456+01:00', '2026-05-13T09:49:12Z'],
    ['2026-05-13t09:49:12.999z', '2026-05-13T09:49:12Z'],
    ['2024-02-29T00:00:00-23:59', '2024-02-29T23:59:00Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
    ['1990-12-31T15:59:60-08:00', '1990-12-31T23:59:60Z'],
    ['1985-04-12T23:20:50.52-00:00', '1985-04-12T23:20:50Z'],
    ['2023-02-29T00:00:00Z', undefined],
    ['2023-04-31T00:00:00Z', undefined],
    ['2023-00-01T00:00:00Z', undefined],
    ['2023-01-01T24:00:00Z', undefined],
    ['2023-01-01T23:60:00Z', undefined],
    ['2023-01-01T12:59:60Z', undefined],
    ['2023-01-30T23:59:60Z', undefined],
    ['2023-01-01T00:00:61Z', undefined],
    ['2023-01-01T00:00:00', undefined],
    ['2023-01-01 00:00:00Z', undefined],
    ['2023-01-01T00:00:00+24:00', undefined],
    ['2023-01-01T00:00:00+0100', undefined],
    ['2023-01-01T00:00:00.Z', undefined],
    ['2023-01-01T00:00Z', undefined],
    ['2023-01-01', undefined],
    ['0000-01-01T00:00:00+00:01', undefined],
    ['9999-12-31T23:59:59-00:01', undefined],
    ['2023-01-01T00:00:00Z\n', undefined],
    ['\u0662023-01-01T00:00:00Z', undefined],
    [`2023-01-01T00:00:00.${'0'.repeat(100)}Z`, undefined],
  ]
  for (const [text, utc] of times) t.equal(utcSeconds(text), utc, encodeURI(text))

  const references = [
    ...[
      'https://github.com/cloudevents',
      'mailto:a@b.example',
      '/cloudevents/spec/pull/123',
      '1-555-123-4567',
    ],
    ...[
      'urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66',
      '//h',
      '?q',
      '#f',
      '',
      'a/b:c',
      'a%20b',
      'file:///etc',
    ],
    ...[
      'http://u:p@[2001:db8::1]:80/a?b/c?d#e/f?',
      'http://[v1.fe80::a+en1]/',
      'http://h:/',
      'x:',
      './a:b',
      '//',
    ],
  ]
  for (const text of references) t.ok(isUriReference(text), text)
  const not = [
    ...[
      'a b',
      'é',
      '/%zz',
      '/%4',
      '%',
      ':a',
      '1a:b',
      'a_b:c',
      'http://[::1',
      'http://[::z]/',
      'http://[1:2]/',
      'http://[::1::2]/',
      'http://[fe80::1%25en1]/',
    ],
    ...[
      'http://a@b@c/',
      'http://h:8a/',
      'a#b#c',
      'a\\b',
      '<a>',
      'a"b',
      '{a}',
      'a|b',
      'a^b',
      '`',
      'a\n',
      'http://h[/',
      'a[1]',
    ],
  ]
  for (const text of not) t.notOk(isUriReference(text), encodeURI(text))
  for (const text of ['http://h/s.json?v=1', 'urn:x']) t.ok(isAbsoluteUri(text), text)
  for (const text of ['http://h/s.json#a', '/s.json', '', 'a/b:c']) t.notOk(isAbsoluteUri(text), text)
})

void t.test('attributes that the specification refuses', async (t) => {
  const refused: object[] = [
    ...['id', 'source', 'type', 'specversion'].flatMap((name) => [
      { [name]: undefined },
      { [name]: null },
      { [name]: '' },
    ]),
    ...[
      { specversion: '0.3' },
      { specversion: '1.0.2' },
      { specversion: 1 },
      { id: 5 },
      { id: true },
      { type: 1 },
    ],
    ...[
      { source: 'a b' },
      { source: 'é' },
      { dataschema: '/a' },
      { dataschema: '' },
      { subject: '' },
      { time: 'yesterday' },
    ],
    ...[{ time: 0 }, { datacontenttype: 'json' }, { datacontenttype: 'a/b/c' }, { datacontenttype: '' }],
    ...[
      { Upper: 'x' },
      { under_score: 'x' },
      { 'a-b': 'x' },
      { '': 'x' },
      { é: 'x' },
      { ['a'.repeat(21)]: 'x' },
    ],
    ...[
      { ext: 1.5 },
      { ext: 2_147_483_648 },
      { ext: -2_147_483_649 },
      { ext: {} },
      { ext: [] },
      { ext: 1e21 },
    ],
    ...['\n', '\u0000', '\u007f', '\u009f', '\ufdd0', '\uffff', '\u{1fffe}', '\u{10ffff}'].map((text) => ({
      ext: text,
    })),
    ...[{ partitionkey: '' }, { partitionkey: 5 }, { sequence: '' }, { sequence: 1 }, { expirytime: '2020' }],
    ...[
      { correlationid: '' },
      { causationid: '' },
      { dataref: 'a b' },
      { dssematerial: '!' },
      { dssematerial: 'QR==' },
    ],
    ...[
      { traceparent: '' },
      { traceparent: `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01` },
      { traceparent: 'x' },
    ],
    ...[
      { data: 1, data_base64: 'AA==' },
      { data_base64: 'A' },
      { data_base64: 'AA' },
      { data_base64: 1 },
      { data_base64: 'A-A=' },
    ],
    ...[
      { datacontenttype: 'text/plain', data: 1 },
      { datacontenttype: 'text/plain', data: null },
    ],
  ]
  for (const members of refused)
    t.match(
      refusal(() => structured(members)),
      /^invalid_event: /,
      JSON.stringify(members),
    )
  for (const text of [
    '{"specversion":"1.0","id":"1","source":"/a","type":"t","ext":1.0}',
    '{"specversion":"1.0","id":"1","source":"/a","type":"t","ext":1e0}',
    '[]',
    'null',
    '"a"',
  ]) {
    t.match(
      refusal(() => structured(text)),
      /^invalid_event: /,
      text,
    )
  }
  const taken: [object, string, AttributeValue][] = [
    [{ ext: 2_147_483_647 }, 'ext', 2_147_483_647],
    [{ ext: -2_147_483_648 }, 'ext', -2_147_483_648],
    [{ ext: false }, 'ext', false],
    [{ ext: '' }, 'ext', ''],
    [{ constructor: 'x' }, 'constructor', 'x'],
    [
      { traceparent: `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01` },
      'traceparent',
      `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01`,
    ],
    [{ dssematerial: 'QQ==' }, 'dssematerial', 'QQ=='],
    [{ dataref: '' }, 'dataref', ''],
    [{}, 'specversion', '1.0'],
  ]
  for (const [members, name, value] of taken) t.equal(attributeOf(structured(members), name), value)
  t.ok(Object.is(attributeOf(structured(`{"ext":-0,${JSON.stringify(LEAST).slice(1)}`), 'ext'), 0))
  t.equal(attributeOf(structured({}), 'toString'), undefined)

  t.notMatch(
    refusal(() => structured({ id: 'secret\n' })),
    /secret/,
    'no value is repeated',
  )
  t.notMatch(
    refusal(() => structured({ secret_name: 1 })),
    /secret/,
  )
})
