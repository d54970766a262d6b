/**
 * A document that is cut has what a contract allows, in the very text in which it was written, and nothing
 * else.
 */
import fc from 'fast-check'
import t from 'tap'
import { type AllowedFields, allowedInItem, fieldRule } from './allowed-fields.ts'
import { cutJson } from './cut-json.ts'
import { cutSlowly } from './cut-slowly-fixture.ts'

const rule = (...pointers: string[]): AllowedFields => fieldRule(pointers).allowed

function cut(text: string, ...pointers: string[]): { text: string; names: string[] } {
  const made = cutJson(Buffer.from(text), rule(...pointers))
  if ('unreadable' in made) throw new Error(made.unreadable)
  return { text: made.bytes.toString(), names: made.removed.names }
}

t.test('what stays keeps its text', async (t) => {
  const cases: [text: string, pointers: string[], left: string, names: string[]][] = [
    ['{"a":1,"b":2}', ['/a', '/b'], '{"a":1,"b":2}', []],
    ['{"a":1,"b":2,"c":3}', ['/b'], '{"b":2}', ['/a', '/c']],
    ['{ "a" : 1 , "b" : 2 , "c" : 3 }', ['/a'], '{ "a" : 1 }', ['/b', '/c']],
    ['{ "a" : 1 , "b" : 2 , "c" : 3 }', ['/a', '/c'], '{ "a" : 1 , "c" : 3 }', ['/b']],
    ['{"a":1,"b":2}', [], '{}', ['/a', '/b']],
    ['{"n":12345678901234567890.10,"m":1e400}', ['/n'], '{"n":12345678901234567890.10}', ['/m']],
    ['{"a":{"b":1,"c":[2,{"d":"}"}]},"e":{}}', ['/a/b'], '{"a":{"b":1}}', ['/a/c', '/e']],
    ['[{"a":1,"b":2},{"b":3},null]', ['/a'], '[{"a":1},{},null]', ['/b']],
    ['{"l":[{"a":1,"b":2},7]}', ['/l/a'], '{"l":[{"a":1}]}', ['/l/b', '/l/*']],
    ['{"l":[{"a":1,"b":2},{"a":3,"b":4}]}', ['/l/a', '/l/1/b'], '{"l":[{"a":1},{"a":3,"b":4}]}', ['/l/b']],
    ['[{"0":{"a":1},"a":2},{"a":3}]', ['/0/a'], '[{"a":2},{}]', ['/0', '/a']],
    ['[{"a":{"b":1,"c":2}},{"a":{"b":3}}]', ['/0/a/b', '/a'], '[{"a":{"b":1,"c":2}},{"a":{"b":3}}]', []],
    ['{"a":5}', ['/a/b'], '{}', ['/a']],
    ['{"a":null}', ['/a/b'], '{"a":null}', []],
    ['{"a/b":1,"c~d":2,"e":3}', ['/a~1b', '/c~0d'], '{"a/b":1,"c~d":2}', ['/e']],
    ['{"a":{"b":1},"a/b":2,"c~d":3}', ['/a/b'], '{"a":{"b":1}}', ['/a~1b', '/c~0d']],
    ['{"\\u0061":1,"b\\"}":2,"b":3}', ['/a'], '{"\\u0061":1}', ['/b"}', '/b']],
    ['{"a\\n":1,"a\\\\":2}', ['/a\n'], '{"a\\n":1}', ['/a\\']],
    ['{"a":1,"a":2,"b":"\\\\"}', ['/b'], '{"b":"\\\\"}', ['/a']],
    ['{"__proto__":{"x":1},"constructor":2,"a":3}', ['/a'], '{"a":3}', ['/__proto__', '/constructor']],
    ['{}', [], '{}', []],
    ['[]', [], '[]', []],
    ['null', [], 'null', []],
    ['[[[{"a":1,"b":2}]]]', ['/a'], '[[[{"a":1}]]]', ['/b']],
    ['{"\u{1F600}":"\u{1F600}","a":1}', ['/\u{1F600}'], '{"\u{1F600}":"\u{1F600}"}', ['/a']],
  ]
  for (const [text, pointers, left, names] of cases) {
    t.strictSame(cut(text, ...pointers), { text: left, names }, `${text} by ${pointers.join(' ')}`)
  }
  const bytes = Buffer.from('{"a":1}')
  const same = cutJson(bytes, rule('/a'))
  t.equal('bytes' in same && same.bytes, bytes, 'nothing to cut: the very bytes')
})

t.test('what cannot be held against the fields is said', async (t) => {
  const deep = `${'['.repeat(70)}${']'.repeat(70)}`
  for (const [bytes, why] of [
    [Buffer.from('{"a":1'), /not JSON/],
    [Buffer.from('{"a":1} {"b":2}'), /not JSON/],
    [Buffer.from('\ufeff{"a":1}'), /not JSON/],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /not JSON/],
    [Buffer.from('{"a":1}', 'utf16le'), /not JSON/],
    [Buffer.alloc(0), /not JSON/],
    [Buffer.from('"a text"'), /single value/],
    [Buffer.from('7'), /single value/],
    [Buffer.from(deep), /levels/],
  ] as const) {
    const made = cutJson(bytes, rule('/a'))
    t.match('unreadable' in made && made.unreadable, why)
  }
  const within = cutJson(
    Buffer.from(`{"a":${deep.repeat(1)},"b":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
    rule('/a'),
  )
  t.equal(
    'bytes' in within && within.bytes.length,
    6 + deep.length,
    'what is allowed or removed whole may be deep',
  )
})

t.test('names are bounded, and are no values', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`${'x'.repeat(300)}${i}`, 'secret']))
  const made = cutJson(Buffer.from(JSON.stringify({ ...many, y: 1, z: 2 })), rule('/a'))
  if ('unreadable' in made) throw new Error(made.unreadable)
  t.equal(made.removed.count, 502)
  t.ok(made.removed.names.every((name) => name.length <= 200))
  const short = cutJson(
    Buffer.from(JSON.stringify(Array.from({ length: 300 }, (_, i) => ({ [`k${i}`]: 1 })))),
    rule('/a'),
  )
  t.match('removed' in short && short.removed, { count: 300, isMore: true, names: { length: 100 } })
  const lone = cut('{"\\ud800":1}', '/a')
  t.ok(lone.names.every((name) => name.isWellFormed()))
})

t.test('rules of items are made once for a contract, and no document needs them without end', async (t) => {
  const ITEMS = Array.from({ length: 50 }, (_none, i) => i)
  const list = rule('/a', '/1/b')
  t.equal(allowedInItem(list, 1), allowedInItem(list, 1), 'the same, however many lists have a second item')
  t.equal(allowedInItem(list, 0), list)
  const pointers = ['/a', '/a/a', '/a/a/a'].flatMap((place) => ITEMS.map((i) => `${place}/${i}/a/x${i}`))
  const nested = (levels: number): string =>
    levels === 0 ? '0' : `{"a":[${ITEMS.map(() => nested(levels - 1)).join()}]}`
  // Indexes below indexes: each of 50 items has a rule of its own, and of those again each of 50.
  const made = cutJson(Buffer.from(nested(2)), rule(...pointers))
  t.match('unreadable' in made && made.unreadable, /more than 2000 rules/)
  const broken = cutJson(Buffer.from(`${nested(2)},`), rule(...pointers))
  t.match('unreadable' in broken && broken.unreadable, /not JSON/)
  t.match(cutJson(Buffer.from(nested(1)), rule(...pointers)), { removed: { count: 50 } })
})

/** The same by values: what a reader of the whole document may see. */
function reference(value: unknown, allowed: AllowedFields): { value: unknown } | undefined {
  if (allowed.all || value === null) return { value }
  if (Array.isArray(value)) {
    return {
      value: value.flatMap((item, i) =>
        [reference(item, allowedInItem(allowed, i))].flatMap((of) => (of ? [of.value] : [])),
      ),
    }
  }
  if (typeof value !== 'object') return undefined
  const left = Object.entries(value).flatMap(([name, one]) => {
    const below = allowed.below.get(name)
    const of = below === undefined ? undefined : reference(one, below)
    return of === undefined ? [] : [[name, of.value]]
  })
  return { value: Object.fromEntries(left) }
}

t.test('any document, any fields', async (t) => {
  // No name with a backslash: JSON.parse of Node 26 (V8 14.6) takes "a\n" for "a\\" if it read that name
  // before; cutJson does not.
  const key = fc.constantFrom('a', 'b', 'c', '0', '1', '"', 'é', '/', '~')
  const { document } = fc.letrec((tie) => ({
    // At the greatest depth the first is taken.
    document: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(
        fc.string(),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.constant(null),
        fc.boolean(),
      ),
      tie('list'),
      tie('object'),
    ),
    list: fc.array(tie('document'), { maxLength: 4 }),
    object: fc.dictionary(key, tie('document'), { maxKeys: 4 }),
  }))
  const pointers = fc.array(fc.array(key, { minLength: 1, maxLength: 4 }), { maxLength: 5 })
  fc.assert(
    fc.property(document, pointers, fc.constantFrom(undefined, 1, '\t'), (value, tokens, space) => {
      const allowed = rule(
        ...tokens.map((one) => one.map((k) => `/${k.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')),
      )
      const text = JSON.stringify(value, null, space)
      const made = cutJson(Buffer.from(text), allowed)
      const expected = reference(JSON.parse(text), allowed)
      if ('unreadable' in made) return expected === undefined
      return JSON.stringify(JSON.parse(made.bytes.toString())) === JSON.stringify(expected?.value)
    }),
    { numRuns: 1000 },
  )
  t.pass('as by values')
})

/** Numbers below `most`, always the same for the same seed (mulberry32). */
function numbers(seed: number): (most: number) => number {
  let state = seed
  return (most) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % most
  }
}

const NAMES = ['a', 'b', 'c', '0', '1', '10', 'é', '\u{1f600}', 'x/y', '~', '', '__proto__', '\ufffd', 'a\\b']
/** As they may stand in a text; some are the same name written otherwise. */
const WRITTEN = [
  '"a"',
  '"\\u0061"',
  '"b"',
  '"c"',
  '"d"',
  '"0"',
  '"1"',
  '"10"',
  '"é"',
  '"\u{1f600}"',
  '"\\ud83d\\ude00"',
]
WRITTEN.push(
  '"x/y"',
  '"x\\/y"',
  '"~"',
  '""',
  '"__proto__"',
  '"\ufffd"',
  '"\\ud800"',
  '"a\\\\b"',
  '"a\\b"',
  '"a\\""',
)
const SINGLE = [
  '0',
  '-0',
  '1.50',
  '-12e+3',
  '1E400',
  '123456789012345678901',
  'true',
  'false',
  'null',
  'null',
  '""',
]
SINGLE.push('"}"', '"\\\\"', '"\\"]"', '"\u{1f600},"', '"\\u0000"', '"\\uDC00"')
/** What breaks a text; some of it in a string does not. */
const BREAKS = [
  '',
  ',',
  ':',
  '}',
  ']',
  '{',
  '[',
  '"',
  '\\',
  '01',
  '1.',
  '.5',
  '-',
  '+1',
  'nul',
  'True',
  '\u0001',
  '\x7f',
]
BREAKS.push('1e', '"\\x"', '"\\u12"', '\ufeff', ' ', '\n', '\v', '\u00a0', '//', "'")

function written(next: (most: number) => number, depth: number): string {
  const space = (): string => (next(6) === 0 ? [' ', '\n', '\r\t', '  '][next(4)]! : '')
  const members = (of: () => string): string =>
    Array.from({ length: next(4) }, () => `${space()}${of()}${space()}`).join(',') || space()
  const value = (): string => written(next, depth - 1)
  const kind = depth === 0 ? 9 : next(10)
  if (kind < 4) return `{${members(() => `${WRITTEN[next(WRITTEN.length)]}${space()}:${space()}${value()}`)}}`
  if (kind < 8) return `[${members(value)}]`
  return SINGLE[next(SINGLE.length)]!
}

t.test('any text, whole or broken: what the slow way makes of it', async (t) => {
  const next = numbers(20261129)
  const outcome = (made: ReturnType<typeof cutSlowly>): string =>
    JSON.stringify('unreadable' in made ? made : { ...made, bytes: made.bytes.toString('latin1') })
  const counts = { cut: 0, same: 0, unreadable: 0 }
  for (let i = 0; i < 4000; i++) {
    const pointers = Array.from({ length: next(7) }, () =>
      Array.from({ length: 1 + next(3) }, () => NAMES[next(NAMES.length)]!)
        .map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
        .join(''),
    )
    // More names than are compared one by one.
    if (i % 5 === 0) pointers.push(...Array.from({ length: 30 }, (_none, k) => `/n${k}`))
    let text = written(next, 1 + next(6))
    const at = next(text.length + 1)
    if (i % 3 === 0) text = `${text.slice(0, at)}${BREAKS[next(BREAKS.length)]}${text.slice(at + next(2))}`
    const bytes = Buffer.from(text)
    if (i % 30 === 0) bytes[next(bytes.length)] = 0x80 + next(0x80)
    const given = Buffer.from(bytes)
    const made = cutJson(bytes, rule(...pointers))
    const expected = cutSlowly(given, rule(...pointers))
    counts['unreadable' in expected ? 'unreadable' : expected.removed.count > 0 ? 'cut' : 'same']++
    if (outcome(made) === outcome(expected) && bytes.equals(given)) continue
    t.fail(`${JSON.stringify(text)} by ${pointers.join(' ')}: ${outcome(made)}, not ${outcome(expected)}`)
    return
  }
  t.ok(Math.min(...Object.values(counts)) > 300, JSON.stringify(counts))
  for (const depth of [63, 64, 65, 66, 20_000])
    for (const text of [
      `${'['.repeat(depth)}${']'.repeat(depth)}`,
      `{"a":${'['.repeat(depth)}${']'.repeat(depth - 1)}`,
      `{"z":${'{"z":'.repeat(depth)}1${'}'.repeat(depth)}}`,
    ])
      for (const pointer of ['/a', '/a/b', '/c'])
        t.equal(
          outcome(cutJson(Buffer.from(text), rule(pointer))),
          outcome(cutSlowly(Buffer.from(text), rule(pointer))),
          `${text.slice(0, 8)} at ${depth} by ${pointer}`,
        )
})
