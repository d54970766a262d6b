import t, { type Test } from 'tap'
import { compileExpression } from './expression.ts'
import { EVENT, result } from './expression-fixture.ts'

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
    '1 != 2': 'true',
    "'a' <> 'a'": 'false',
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

void t.test('no value is -0', async (t) => {
  for (const text of ['-0', "INT('-0')", '0 * -1', '-1 / 2', '-2 % 2', '- (0)'])
    t.ok(Object.is(compileExpression(text).evaluate(EVENT).value, 0), text)
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
  t.equal(result(`id LIKE '${'a'.repeat(1_024)}'`), 'false')
  t.equal(result(`id LIKE '${'a'.repeat(1_025)}'`), 'parse')
  t.equal(result(`1 IN (${'2,'.repeat(2_000)}1)`), 'true')
  const refusal = (text: string, what: string): unknown =>
    t.throws(() => compileExpression(text), { code: 'invalid_filter', what }, what)
  refusal('id = = 1', 'this is not expected here, at character 6')
  refusal("id = 'secret", 'a string has no end, at character 6')
})

void t.test('TRIM takes away what Unicode calls white space, and nothing else', async (t) => {
  const { evaluate } = compileExpression('TRIM(text)')
  const wrong: number[] = []
  for (let code = 1; code < 0x10000; code++) {
    const text = String.fromCharCode(code)
    const { value } = evaluate({ ...EVENT, extensions: new Map([['text', `${text}a${text}`]]) })
    if ((value === 'a') !== /\p{White_Space}/u.test(text)) wrong.push(code)
  }
  t.strictSame(wrong, [])
})
