import fc from 'fast-check'
import t from 'tap'
import { structured } from '#core/events/event-fixture.ts'
import { compileExpression } from './expression.ts'
import { EVENT, result } from './expression-fixture.ts'
import { likePattern } from './like.ts'

void t.test('no event and no expression costs more than one evaluation may', async (t) => {
  const long = structured({ text: 'a'.repeat(60_000) })
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
