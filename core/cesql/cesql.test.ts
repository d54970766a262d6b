import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { readEvent } from '#core/events/read-event.ts'
import { Fault } from '#schemas/fault.ts'
import { compileExpression } from './expression.ts'
import { compileFilter } from './filter.ts'
import { likePattern } from './like.ts'

function event(members: object = {}): CloudEvent {
  const least = { specversion: '1.0', id: '1', source: '/a', type: 'org.example.moved' }
  const document = JSON.stringify({ ...least, ...members })
  return readEvent([['content-type', 'application/cloudevents+json']], Buffer.from(document))
}

const EVENT = event({
  subject: 'cat',
  time: '2026-05-13T10:49:12+01:00',
  text: 'abc',
  digits: '10',
  yes: true,
  five: 5,
  huge: '2147483648',
  smile: 'a😀b',
})

/** `value`, or `value error`. */
function result(expression: string, of: CloudEvent = EVENT): string {
  let evaluation: { value: unknown; error?: string }
  try {
    evaluation = compileExpression(expression).evaluate(of)
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'invalid_filter') return 'parse'
    throw thrown
  }
  const { value, error } = evaluation
  const shown = typeof value === 'string' ? `'${value}'` : String(value)
  return error === undefined ? shown : `${shown} ${error}`
}

function check(t: Test, cases: Record<string, string>): void {
  for (const [expression, wanted] of Object.entries(cases)) t.equal(result(expression), wanted, expression)
}

void t.test('literals, attributes, EXISTS', async (t) => {
  check(t, {
    TRUE: 'true',
    fAlSe: 'false',
    '2147483647': '2147483647',
    '-2147483648': '-2147483648',
    '+5': '5',
    '- 10': '-10',
    '--10': '10',
    '-0': '0',
    "'a\"b\\'c'": "'a\"b'c'",
    '"a\'b\\"c"': "'a'b\"c'",
    "'a\\\"b'": "'a\\\"b'",
    "'a\\\\'": "'a\\\\'",
    "'a\\nb'": "'a\\nb'",
    "'ä\n😀'": "'ä\n😀'",
    id: "'1'",
    ID: "'1'",
    specversion: "'1.0'",
    source: "'/a'",
    time: "'2026-05-13T10:49:12+01:00'",
    yes: 'true',
    five: '5',
    missing: 'false missingAttribute',
    constructor: 'false missingAttribute',
    'EXISTS id AND EXISTS SpecVersion AND exists five': 'true',
    'EXISTS missing': 'false',
    'NOT EXISTS missing': 'true',
    'EXISTS tostring': 'false',
  })
})

void t.test('operators, their casts and their errors', async (t) => {
  check(t, {
    '7 / 2': '3',
    '-7 / 2': '-3',
    '-7 % 2': '-1',
    '7 % -2': '1',
    '0 % -2': '0',
    '5 / 0': '0 math',
    '5 % 0': '0 math',
    '2147483647 + 1': '0 math',
    '-2147483648 - 1': '0 math',
    '65536 * 65536': '0 math',
    '-2147483648 / -1': '0 math',
    '- (-2147483648)': '0 math',
    '-2147483648 % -1': '0',
    "'5' + TRUE": '6',
    'digits * 2': '20',
    'huge + 0': '0 cast',
    "'' + 1": '0 cast',
    "' 1' + 1": '0 cast',
    "'+1' + '-1'": '0',
    "'007' + 0": '7',
    "'-0' + 0": '0',
    "'1.0' + 1": '0 cast',
    "'٣' + 1": '0 cast',
    "-'10'": '-10',
    '-TRUE': '-1',
    '-missing': '0 missingAttribute',
    "TRUE = 'true'": 'true',
    "TRUE = 'TRUE'": 'false',
    "'TRUE' = TRUE": 'true',
    'digits = 10': 'true',
    "10 = '010'": 'false',
    "'010' = 10": 'true',
    '5 = TRUE': 'true',
    'text = 10': 'false cast',
    'text != 10': 'false cast',
    'text <> TRUE': 'false cast',
    'text = missing': 'false missingAttribute',
    "text = 'ABC'": 'false',
    "'9' < '10'": 'true',
    'five < digits': 'true',
    'TRUE > FALSE': 'true',
    'text < 1': 'false cast',
    "NOT 'TRUE'": 'false',
    "NOT 'x'": 'false cast',
    // Section 3.7: every integer but 0 is true.
    'NOT 10': 'false',
    'NOT 0': 'true',
    'NOT missing': 'false missingAttribute',
    'TRUE XOR 1': 'false',
    'FALSE AND missing': 'false',
    'TRUE AND missing': 'false missingAttribute',
    'TRUE OR missing': 'true',
    'FALSE OR missing': 'false missingAttribute',
    'missing OR TRUE': 'false missingAttribute',
    "'x' AND FALSE": 'false cast',
    'FALSE AND 1 / 0 = 0': 'false',
    'TRUE AND 1 / 0 = 0': 'false math',
    'FALSE XOR missing': 'false missingAttribute',
    '1 / missing': '0 missingAttribute',
    '(1 / 0) / missing': '0 math',
  })
})

void t.test('precedence, and the same rank from left to right', async (t) => {
  check(t, {
    '4 * 2 + 4 / 2': '10',
    '2 - 1 - 1': '0',
    '4-1': '3',
    '4 -1': '3',
    '4 - -1': '5',
    '8 / 4 / 2': '1',
    '2 * 3 % 4': '2',
    '1 + 1 = 2 AND 2 < 3': 'true',
    '3 > 2 > 0': 'true',
    'FALSE AND FALSE OR TRUE': 'true',
    'TRUE OR TRUE AND FALSE': 'false',
    'TRUE XOR TRUE OR TRUE': 'true',
    // NOT binds tighter than all operators with two sides.
    'NOT 0 = 1': 'true',
    "NOT TRUE LIKE 'fal%'": 'true',
    "-1 LIKE '-_'": 'true',
    "'x' + 1 LIKE 'x%'": '0 cast',
    "1 + 1 LIKE '1'": '2',
    '1 + 1 IN (1)': '2',
    "'b' IN ('b') LIKE 't%'": 'true',
    "'a' LIKE 'a' IN (TRUE)": 'true',
    'NOT EXISTS id OR TRUE': 'true',
    '-1 IN (-1)': 'true',
  })
})

void t.test('LIKE and IN', async (t) => {
  check(t, {
    "text LIKE 'a%'": 'true',
    "text NOT LIKE 'a%'": 'false',
    'five LIKE "_"': 'true',
    "yes LIKE 'tr%'": 'true',
    "missing LIKE '%'": 'false missingAttribute',
    "missing NOT LIKE '%'": 'false missingAttribute',
    'text LIKE 1': 'parse',
    'text LIKE text': 'parse',
    "text LIKE ('a')": 'parse',
    "smile LIKE 'a_b'": 'true',
    "text IN ('x', text)": 'true',
    "text NOT IN ('x')": 'true',
    'digits IN (1, 10)': 'true',
    "10 IN ('x', '10')": 'false cast',
    "10 IN ('10', 'x')": 'true',
    "10 NOT IN ('x')": 'false cast',
    'missing IN (1)': 'false missingAttribute',
    '1 IN (missing)': 'false missingAttribute',
    '1 IN (1, missing)': 'true',
    '1 IN ()': 'parse',
    '1 IN 1': 'parse',
  })
})

void t.test('functions', async (t) => {
  check(t, {
    'int("-5")': '-5',
    "INT('ABC')": '0 cast',
    'BOOL(-50)': 'true',
    "BOOL('ABC')": 'false cast',
    'STRING(-1)': "'-1'",
    'LENGTH(smile)': '3',
    'LENGTH(missing)': '0 missingAttribute',
    'LENGTH(text, text)': 'false missingFunction',
    'CONCAT()': "''",
    "CONCAT(1, TRUE, 'a')": "'1truea'",
    "CONCAT_WS(',')": "''",
    "concat_ws(', ', 'a', 1)": "'a, 1'",
    'CONCAT_WS()': 'false missingFunction',
    "CONCAT('a', missing)": "'' missingAttribute",
    "LOWER('ÀB')": "'àb'",
    "UPPER('ß')": "'SS'",
    "TRIM('\u0085\u2003 a b\u00a0')": "'a b'",
    "TRIM('\ufeffa\u200b')": "'\ufeffa\u200b'",
    'LEFT(smile, 2)': "'a😀'",
    "LEFT('abc', -1)": "'abc' functionEvaluation",
    'RIGHT(smile, 2)': "'😀b'",
    "RIGHT('abc', 0)": "''",
    "RIGHT('abc', 9)": "'abc'",
    "RIGHT('abc', -1)": "'abc' functionEvaluation",
    'SUBSTRING(smile, 2)': "'😀b'",
    "SUBSTRING('abc', -2, 1)": "'b'",
    "SUBSTRING('abc', 3, 0)": "''",
    "SUBSTRING('abc', 2, 2147483647)": "'bc'",
    "SUBSTRING('abc', 0, 2)": "''",
    "SUBSTRING('abc', 4)": "'' functionEvaluation",
    "SUBSTRING('abc', -4)": "'' functionEvaluation",
    "SUBSTRING('abc', 1, -1)": "'' functionEvaluation",
    "SUBSTRING('abc', 0, -1)": "'' functionEvaluation",
    "SUBSTRING('', 1)": "'' functionEvaluation",
    'ABS(-5)': '5',
    'ABS(-2147483648)': '2147483647 math',
    'ABS(-2147483648) = 2147483647': 'false math',
    "LENGTH(LEFT('abc', -1))": '0 functionEvaluation',
    'NOSUCH(1)': 'false missingFunction',
    'TRUE OR NOSUCH()': 'true',
    'HASOWNPROPERTY()': 'false missingFunction',
    'ABS (5)': '5',
  })
})

void t.test('what is no expression', async (t) => {
  const wrong = [
    ...[
      '',
      ' ',
      '(',
      ')',
      '()',
      'ABC(',
      'ABS(1',
      'ABS(1,)',
      'ABS(,1)',
      '1 +',
      '+ 5',
      '+id',
      '* 1',
      '1 1',
      'a b',
      '1 = = 2',
    ],
    ...[
      "'a",
      '"a',
      "'a\\'",
      "'it''s'",
      "'a' 'b'",
      'a_b',
      '_a',
      'a1_',
      'ABS_1(1)',
      'A1(1)',
      '2147483648',
      '-2147483649',
      '- 2147483648',
    ],
    ...[
      'AND',
      'NOT',
      'x AND',
      'x NOT',
      'x NOT AND y',
      'x NOT = 1',
      'EXISTS',
      'EXISTS (id)',
      "EXISTS 'id'",
      'EXISTS TRUE',
      'EXISTS 1',
    ],
    ...[
      'x LIKE',
      "LIKE 'a'",
      'x IN (',
      'x IN (1',
      'x IN (1,)',
      'IN (1)',
      '!',
      '! x',
      'x == 1',
      'x && y',
      'id;',
      'id - - ',
      '1.5',
      'é',
      'id\u00a0= 1',
    ],
    ...['id\u0000', '(1', '1)', '((1)', 'CONCAT_WS', 'true(1)'],
  ]
  for (const text of wrong) t.equal(result(text), 'parse', JSON.stringify(text))
  const deep = (times: number): string[] => [
    `${'('.repeat(times)}TRUE${')'.repeat(times)}`,
    `${'NOT '.repeat(times)}TRUE`,
    `${'-'.repeat(times)}id`,
    `${'ABS('.repeat(times)}1${')'.repeat(times)}`,
    `${'1 IN ('.repeat(times)}1${')'.repeat(times)}`,
  ]
  for (const text of deep(60)) t.not(result(text), 'parse', text.slice(0, 20))
  for (const text of deep(500)) t.equal(result(text), 'parse', text.slice(0, 20))
  t.equal(result(`1${' + 1'.repeat(200)}`), '201')
  t.equal(result(`1${' + 1'.repeat(256)}`), 'parse')
  t.equal(result(`1${' '.repeat(4_096)}`), 'parse')
  t.equal(result(`1 IN (${'2,'.repeat(2_000)}1)`), 'true')
  const refusal = (text: string, what: string): unknown =>
    t.throws(() => compileExpression(text), { code: 'invalid_filter', what }, what)
  refusal('id = = 1', 'this is not expected here, at character 6')
  refusal("id = 'secret", 'a string has no end, at character 6')
})

void t.test('no event and no expression costs more than one evaluation may', async (t) => {
  const long = event({ text: 'a'.repeat(60_000) })
  t.equal(
    result(`text LIKE '${'%a'.repeat(500)}%b'`, long),
    'false generic',
    'a 32nd of the pattern for each character',
  )
  t.equal(result("text LIKE '%a%a%a%a%a%a%a%a%b'", long), 'false')
  t.equal(result(`CONCAT(${Array(200).fill('text').join(',')}) = ''`, long), 'false generic')
  t.equal(result(`${'UPPER('.repeat(20)}text${')'.repeat(20)} = ''`, long), 'false generic')
  t.equal(result(`text IN (${Array(100).fill('text').join(',')})`, long), 'true')
  t.equal(result(`id IN (${Array(100).fill('text').join(',')})`, long), 'false generic')
  // Each evaluation begins anew.
  const { evaluate } = compileExpression(`LENGTH(CONCAT(${Array(4).fill('text').join(',')})) = 240000`)
  for (let round = 0; round < 3; round++) t.strictSame(evaluate(long), { value: true })
})

/** LIKE, written as it is defined: tries every way. */
function isLike(text: readonly string[], pattern: readonly string[]): boolean {
  const [first, second] = pattern
  if (first === undefined) return text.length === 0
  if (first === '%')
    return isLike(text, pattern.slice(1)) || (text.length > 0 && isLike(text.slice(1), pattern))
  const isEscaped = first === '\\' && (second === '%' || second === '_')
  const fits = isEscaped ? text[0] === second : first === '_' || text[0] === first
  return text.length > 0 && fits && isLike(text.slice(1), pattern.slice(isEscaped ? 2 : 1))
}

void t.test('LIKE against its definition', async (t) => {
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', '%', '_', '\\', '😀'), maxLength: 8 })
  fc.assert(
    fc.property(
      texts,
      texts,
      (text, pattern) => likePattern(pattern).matches(text) === isLike([...text], [...pattern]),
    ),
    { numRuns: 3_000 },
  )
  // Patterns over more than one word of states.
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom<string>('a', 'b'), { minLength: 30, maxLength: 140 }),
      fc.nat(),
      (letters, nat) => {
        const at = nat % letters.length
        const text = letters.join('')
        const other = letters.with(at, 'c').join('')
        const one = letters.with(at, '_').join('')
        const any = `${text.slice(0, at)}%${text.slice(at + 1)}`
        const exact = likePattern(text)
        return (
          exact.matches(text) &&
          !exact.matches(other) &&
          !exact.matches(`${text}a`) &&
          !exact.matches(text.slice(1)) &&
          likePattern(one).matches(other) &&
          likePattern(any).matches(other) &&
          likePattern(any).matches(`${text.slice(0, at)}${text.slice(at + 1)}`)
        )
      },
    ),
  )
  t.equal(likePattern('').matches(''), true)
})

type Tree =
  | { leaf: string; value: boolean | number | string }
  | { sign: 'NOT' | '-'; of: Tree }
  | { operator: string; left: Tree; right: Tree }

const RANK: Record<string, number> = {
  AND: 1,
  OR: 1,
  XOR: 1,
  '=': 2,
  '!=': 2,
  '<': 2,
  '>=': 2,
  '+': 3,
  '-': 3,
  '*': 4,
  '/': 4,
}

const rankOf = (tree: Tree): number => ('leaf' in tree ? 9 : 'sign' in tree ? 7 : RANK[tree.operator]!)

/** With no more brackets than are needed. */
function print(tree: Tree): string {
  if ('leaf' in tree) return tree.leaf
  const inner = (one: Tree, least: number): string => (rankOf(one) < least ? `(${print(one)})` : print(one))
  if ('sign' in tree) return `${tree.sign} ${inner(tree.of, 7)}`
  const rank = RANK[tree.operator]!
  return `${inner(tree.left, rank)} ${tree.operator} ${inner(tree.right, rank + 1)}`
}

/** Gives `undefined` for any error. */
function value(tree: Tree): boolean | number | string | undefined {
  if ('leaf' in tree) return tree.value
  const truth = (one: Tree): boolean | undefined => {
    const of = value(one)
    return typeof of === 'string'
      ? { true: true, false: false }[of.toLowerCase()]
      : of === undefined
        ? of
        : Boolean(of)
  }
  const whole = (number: number): number | undefined =>
    number === Math.trunc(number) && Math.abs(number + 0.5) < 2 ** 31 ? number || 0 : undefined
  const integer = (one: Tree): number | undefined => {
    const of = value(one)
    return of === undefined || of === '' ? undefined : whole(Number(of))
  }
  if ('sign' in tree) {
    if (tree.sign === 'NOT') {
      const of = truth(tree.of)
      return of === undefined ? of : !of
    }
    const of = integer(tree.of)
    return of === undefined ? of : whole(-of)
  }
  const { operator, left, right } = tree
  if (operator === '=' || operator === '!=') {
    const [x, y] = [value(left), value(right)]
    if (x === undefined || y === undefined) return undefined
    const same = typeof y === 'string' ? String(x) : typeof y === 'number' ? integer(left) : truth(left)
    return same === undefined ? same : (same === y) === (operator === '=')
  }
  if (RANK[operator] === 1) {
    const x = truth(left)
    if (x === undefined || (operator === 'OR' && x) || (operator === 'AND' && !x)) return x
    const y = truth(right)
    return y === undefined ? y : operator === 'XOR' ? x !== y : y
  }
  const [x, y] = [integer(left), integer(right)]
  if (x === undefined || y === undefined) return undefined
  if (operator === '<') return x < y
  if (operator === '>=') return x >= y
  if (operator === '/') return y === 0 ? undefined : whole(Math.trunc(x / y))
  return whole(operator === '+' ? x + y : operator === '-' ? x - y : x * y)
}

void t.test('generated expressions against a plain evaluation', async (t) => {
  const leaf = fc.constantFrom<Tree>(
    { leaf: 'TRUE', value: true },
    { leaf: 'false', value: false },
    { leaf: '0', value: 0 },
    { leaf: '-3', value: -3 },
    { leaf: '2147483647', value: 2_147_483_647 },
    { leaf: "'7'", value: '7' },
    { leaf: '"x y"', value: 'x y' },
    { leaf: "'True'", value: 'True' },
    { leaf: 'five', value: 5 },
    { leaf: 'Digits', value: '10' },
    { leaf: 'yes', value: true },
  )
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      leaf,
      fc.record({ sign: fc.constantFrom('NOT' as const, '-' as const), of: tie('tree') }),
      fc.record({ operator: fc.constantFrom(...Object.keys(RANK)), left: tie('tree'), right: tie('tree') }),
    ),
  }))
  const seen = { right: 0, failed: 0 }
  fc.assert(
    fc.property(tree, (tree) => {
      const { value: found, error } = compileExpression(print(tree)).evaluate(EVENT)
      const wanted = value(tree)
      seen[wanted === undefined ? 'failed' : 'right']++
      return wanted === undefined ? error !== undefined : error === undefined && found === wanted
    }),
    { numRuns: 3_000 },
  )
  t.ok(seen.right > 300 && seen.failed > 300, 'both kinds are among them')
})

void t.test('any text is an expression or a fault', async (t) => {
  const pieces = [
    '(',
    ')',
    ',',
    'NOT ',
    'IN',
    ' LIKE ',
    "'a'",
    '"',
    "'",
    '\\',
    'id',
    '1',
    '-',
    '+',
    '=',
    '<',
    '>',
    ' ',
    'ABS',
    'EXISTS ',
    ' AND ',
    '%',
  ]
  let parsed = 0
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...pieces), maxLength: 12 }), (text) => {
      if (result(text) !== 'parse') parsed++
      return true
    }),
    { numRuns: 3_000 },
  )
  t.ok(parsed > 0)
})

void t.test('filters of a subscription', async (t) => {
  const passes = (json: unknown, of: CloudEvent = EVENT): boolean => compileFilter(json)(of)
  const yes: unknown[] = [
    { exact: { type: 'org.example.moved', subject: 'cat' } },
    { exact: { specversion: '1.0', five: '5', yes: 'true' } },
    { prefix: { type: 'org.', subject: 'c' } },
    { suffix: { type: '.moved' } },
    { all: [{ exact: { subject: 'cat' } }, { prefix: { source: '/' } }] },
    { any: [{ exact: { subject: 'dog' } }, { prefix: { source: '/' } }] },
    { not: { exact: { subject: 'dog' } } },
    { not: { exact: { missing: 'x' } } },
    { sql: "type LIKE 'org.%' AND five < 6" },
    { sql: 'yes' },
    { not: { sql: 'missing = 1' } },
    [],
    [{ exact: { subject: 'cat' } }, { sql: 'EXISTS five' }],
  ]
  for (const json of yes) t.equal(passes(json), true, JSON.stringify(json))
  const no: unknown[] = [
    { exact: { type: 'org.example.moved', subject: 'Cat' } },
    { exact: { missing: 'x' } },
    { prefix: { missing: 'x' } },
    { prefix: { type: 'example' } },
    { suffix: { subject: 'a cat' } },
    { all: [{ exact: { subject: 'cat' } }, { exact: { subject: 'dog' } }] },
    { any: [{ exact: { subject: 'dog' } }] },
    { not: { not: { exact: { subject: 'dog' } } } },
    { sql: 'missing = 1' },
    { sql: 'text' },
    { sql: 'five' },
    { sql: '1 / 0 = 0' },
    [{ exact: { subject: 'cat' } }, { sql: 'FALSE' }],
  ]
  for (const json of no) t.equal(passes(json), false, JSON.stringify(json))
  const nested = (times: number): unknown =>
    times === 0 ? { exact: { id: '1' } } : { not: nested(times - 1) }
  const refused: [unknown, RegExp][] = [
    [null, /not an object/],
    ['sql', /not an object/],
    [{}, /one dialect/],
    [{ exact: { id: '1' }, prefix: { id: '1' } }, /one dialect/],
    [{ like: { id: '1' } }, /the dialect is not/],
    [JSON.parse('{"__proto__":{"id":"1"}}'), /the dialect is not/],
    [{ constructor: { id: '1' } }, /the dialect is not/],
    [{ exact: {} }, /no attribute/],
    [{ exact: [] }, /not an object/],
    [{ exact: { id: '' } }, /1 to 4096/],
    [{ exact: { id: 1 } }, /1 to 4096/],
    [{ exact: { id: 'x'.repeat(4_097) } }, /1 to 4096/],
    [{ exact: { '': 'x' } }, /name/],
    [{ exact: { Id: 'x' } }, /name/],
    [{ all: [] }, /a list/],
    [{ any: {} }, /a list/],
    [{ not: [] }, /not an object/],
    [{ sql: 1 }, /not a text/],
    [{ sql: 'id = ' }, /breaks off, at character 6/],
    [{ sql: '1 + 1' }, /not a condition/],
    [{ sql: 'UPPER(id)' }, /not a condition/],
    [{ sql: 'TRUE OR NOSUCH(1)' }, /no function NOSUCH/],
    [{ any: Array(5).fill({ sql: 'TRUE' }) }, /over 4 expressions/],
    [Array(65).fill({ exact: { id: '1' } }), /over 64/],
    [nested(8), /nested over 8/],
    [[[{ exact: { id: '1' } }]], /not an object/],
  ]
  for (const [json, what] of refused) {
    t.throws(() => compileFilter(json), { code: 'invalid_filter', what }, JSON.stringify(json).slice(0, 80))
  }
  t.equal(passes(nested(7)), false)
})
