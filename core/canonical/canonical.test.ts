import { isUtf8 } from 'node:buffer'
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import { canonicalJson } from './canonical-json.ts'
import { endOfValue, NotJson, skipSpace } from './json-text.ts'
import { parseJson } from './parse-json.ts'
import { parseStrictJson } from './strict-json.ts'

/** Names that JSON.parse of V8 14.6 may misread (parse-json.ts). */
const MISREAD = /\\(?:[^\\"]|\\.)*"\s*:/

void t.test('RFC 8785', async (t) => {
  // Section 3.2.2 and 3.2.3: the worked examples.
  t.equal(
    canonicalJson({
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    }),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  )
  const sorted = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\u{1f600}': 'Emoji: Grinning Face',
    '\u0080': 'Control',
    '\u00f6': 'Latin Small Letter O With Diaeresis',
  }
  t.strictSame(
    [...canonicalJson(sorted).matchAll(/:"([^"]+)"/g)].map((found) => found[1]),
    [
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ],
    'members by UTF-16 code units',
  )
  // Appendix B: IEEE 754 bits and their text.
  const numbers: [string, string][] = [
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ]
  for (const [bits, text] of numbers) t.equal(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE()), text)
  for (const bits of ['7fffffffffffffff', '7ff0000000000000']) {
    t.throws(() => canonicalJson(Buffer.from(bits, 'hex').readDoubleBE()), TypeError)
  }
})

void t.test('what canonical JSON cannot say', async (t) => {
  const deep = JSON.parse(`${'['.repeat(65)}1${']'.repeat(65)}`) as unknown
  for (const value of [
    undefined,
    [undefined],
    1n,
    () => 1,
    Symbol('a'),
    new Date(0),
    new Map(),
    Buffer.alloc(1),
    deep,
  ]) {
    t.throws(() => canonicalJson(value), TypeError)
  }
  for (const text of ['\ud800', '\udc00', 'a\ud800b']) {
    t.throws(() => canonicalJson(text), TypeError)
    t.throws(() => canonicalJson({ [text]: 1 }), TypeError)
  }
  t.equal(canonicalJson({ b: undefined, a: Object.assign(Object.create(null), { c: 1 }) }), '{"a":{"c":1}}')
  // Whole numbers that a double cannot hold exactly are refused when read, so they are kept out here.
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
      const text = canonicalJson(value)
      return /[0-9]{16}/.test(text) || canonicalJson(parseStrictJson(text)) === text
    }),
  )
})

const SUITE = new URL('../../test/vectors/json-test-suite/test_parsing/', import.meta.url)

function verdict(bytes: Buffer): 'accepted' | string {
  try {
    parseStrictJson(bytes)
    return 'accepted'
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'malformed_json') return `${thrown.what}`
    throw thrown
  }
}

/** Whether there is one value in the octets, by their text alone. */
function isText(bytes: Buffer): boolean {
  try {
    return skipSpace(bytes, endOfValue(bytes, skipSpace(bytes, 0))) === bytes.length
  } catch (thrown) {
    if (thrown instanceof NotJson) return false
    throw thrown
  }
}

function isParsed(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The cases that RFC 8259 leaves open: we accept these and refuse the others. */
const TAKEN = new Set([
  'i_number_double_huge_neg_exp.json', // 123.456e-789 is 0
  'i_number_real_underflow.json', // 123e-10000000 is 0
])
/** Valid JSON that we refuse on purpose: readers disagree on which of two members of the same name counts. */
const DOUBLED = new Set(['y_object_duplicated_key.json', 'y_object_duplicated_key_and_value.json'])

void t.test('JSONTestSuite', async (t) => {
  const count = { y: 0, n: 0, i: 0 }
  for (const name of readdirSync(SUITE)) {
    const bytes = readFileSync(new URL(encodeURIComponent(name), SUITE))
    const found = verdict(bytes)
    if (isUtf8(bytes)) t.equal(isText(bytes), isParsed(bytes.toString()), name)
    count[name[0] as 'y' | 'n' | 'i']++
    if (DOUBLED.has(name)) t.match(found, /doubled/, name)
    else if (name.startsWith('y_')) {
      t.equal(found, 'accepted', name)
      t.strictSame(parseStrictJson(bytes), JSON.parse(bytes.toString()))
    } else if (name.startsWith('n_')) t.not(found, 'accepted', name)
    else t.equal(found === 'accepted', TAKEN.has(name), `${name}: ${found}`)
  }
  t.strictSame(count, { y: 95, n: 188, i: 35 })
})

// Control characters in a test's name upset the reporter.
const printable = (text: string): string => encodeURI(text.slice(0, 30).toWellFormed())

void t.test('what two readers might read otherwise', async (t) => {
  const refused = [
    '\ufeff{}',
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"__proto__":1,"__proto__":2}',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\ud800"',
    '9007199254740993',
    '-9007199254740992',
    '1e400',
    '-1e400',
    `1${'0'.repeat(400)}`,
    '01',
    '+1',
    '.5',
    '1.',
    '0x10',
    'NaN',
    "{'a':1}",
    '{a:1}',
    '[1,]',
    '{"a":1,}',
    '[1 2]',
    '"\t"',
    '"a',
    '1 1',
    '/**/1',
    '',
    ' ',
    '\u00a01',
    '\u000b1',
    '[\u2028]',
    `${'['.repeat(65)}${']'.repeat(65)}`,
    `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`,
    '['.repeat(100_000),
  ]
  for (const text of refused)
    t.throws(() => parseStrictJson(text), { code: 'malformed_json' }, printable(text))
  for (const bytes of ['ff', 'c0af', '22eda08022', 'efbbbf7b7d', '7b007d00']) {
    t.throws(() => parseStrictJson(Buffer.from(bytes, 'hex')), { code: 'malformed_json' }, bytes)
  }
  t.throws(() => parseStrictJson('[1,2,3]', { maxLength: 6 }), { code: 'malformed_json' })
  t.throws(() => parseStrictJson('[[1]]', { maxDepth: 1 }), { code: 'malformed_json' })
  t.strictSame(
    parseStrictJson(`${'['.repeat(64)}${']'.repeat(64)}`),
    JSON.parse(`${'['.repeat(64)}${']'.repeat(64)}`),
  )
  const value = parseStrictJson('{"__proto__":{"polluted":1},"constructor":2}') as Record<string, unknown>
  t.equal((value as { polluted?: unknown }).polluted, undefined)
  t.ok(Object.hasOwn(value, '__proto__'))
  t.notMatch(verdict(Buffer.from('{"secret value": nope}')), /secret|nope/)
  fc.assert(
    fc.property(fc.json({ stringUnit: 'binary' }), (text) => {
      const wanted: unknown = JSON.parse(text)
      if (/\\u[dD][89a-fA-F]|[\ud800-\udfff]|\d{16}|[eE]\+/.test(text) || MISREAD.test(text)) return true
      return JSON.stringify(parseStrictJson(text)) === JSON.stringify(wanted)
    }),
  )
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '1', '-', 'e', '.', ' ', '\\', 'n', 'true'),
      }),
      (text) => {
        if (isText(Buffer.from(text)) !== isParsed(text)) return false
        let wanted: unknown
        try {
          wanted = JSON.parse(text)
        } catch {
          return verdict(Buffer.from(text)) !== 'accepted'
        }
        if (MISREAD.test(text)) return true
        const found = verdict(Buffer.from(text))
        return found !== 'accepted' || JSON.stringify(parseStrictJson(text)) === JSON.stringify(wanted)
      },
    ),
    { numRuns: 5_000 },
  )
})

t.test('a name that is written with escapes is read as it is, whatever was read before', (t) => {
  const ESCAPES = ['\\u0062', '\\n', '\\"', '\\\\', '\\/', '\\u005c', '\\u4e2d']
  const written = [...ESCAPES, 'k\\n', '\\u0074\\"', '\\\\n', 'k\\u006c', '\\u0062m']
  written.forEach((escaped, i) => {
    const name = JSON.parse(`"${escaped}"`) as string
    // What a stranger sends, once: what the name begins with, and all that come after have the same names
    // before it.
    const begin = JSON.stringify(escaped.slice(0, name.length))
    for (const before of ['"a', '"x":{"c":2},"y', '"l":[{"a":1}],"z'])
      JSON.parse(`{${before}${i}":1,${begin}:1}`)
    for (const space of ['', ' ', '\n\t'])
      t.strictSame(parseJson(`{"a${i}":1,"${escaped}"${space}:2}`), { [`a${i}`]: 1, [name]: 2 }, escaped)
    t.strictSame(parseJson(`{"x":{"c":2},"y${i}":1,"${escaped}":[{"a${i}":1,"${escaped}":3}]}`), {
      ...{ x: { c: 2 }, [`y${i}`]: 1 },
      [name]: [{ [`a${i}`]: 1, [name]: 3 }],
    })
    t.strictSame(parseJson(`"\\"${escaped}\\":"`), `"${name}":`, 'in a text')
  })
  const big = '{"a":12345678901234567890,"\\u0062":1.5e300}'
  t.strictSame(
    parseJson(big),
    { a: Number('12345678901234567890'), b: 1.5e300 },
    'numbers as JSON.parse has them',
  )
  t.strictSame(parseJson('{"\\n":"\\ud800"}'), { '\n': '\ud800' }, 'and surrogates')
  for (const wrong of ['', '{', '{"\\n":}', '{"\\u0062":1}x', '{"a":1,"\\u0062":tru}', '\ufeff{"\\n":1}'])
    t.throws(() => parseJson(wrong), wrong)
  t.throws(() => parseJson(`${'['.repeat(300)}{"\\n":1}${']'.repeat(300)}`), { code: 'malformed_json' })
  t.end()
})
