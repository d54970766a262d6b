/**
 * Parses CESQL 1.0 (section 2) by the precedence of section 3.6; operators of the same rank apply from left
 * to right.
 */
import { notAnExpression, type Token, tokensOf } from './tokens.ts'
import { isInteger32, type Value } from './values.ts'

type Shape =
  | { kind: 'literal'; value: Value }
  | { kind: 'attribute'; name: string }
  | { kind: 'exists'; name: string }
  | { kind: 'not'; of: Node }
  | { kind: 'minus'; of: Node }
  | { kind: 'binary'; operator: Operator; left: Node; right: Node }
  | { kind: 'like'; of: Node; pattern: string }
  | { kind: 'in'; of: Node; set: Node[] }
  | { kind: 'call'; name: string; given: Node[] }

/** `height`: how many nodes lie on the longest way down. */
export type Node = Shape & { readonly height: number }

export type Operator =
  | '*'
  | '/'
  | '%'
  | '+'
  | '-'
  | '='
  | '!='
  | '<>'
  | '<'
  | '<='
  | '>'
  | '>='
  | 'AND'
  | 'OR'
  | 'XOR'

const MAX_LENGTH = 4_096
const MAX_PATTERN = 1_024
/** Of brackets, lists, prefixes and right sides in each other. */
const MAX_DEPTH = 128
const MAX_HEIGHT = 256

/** A higher rank binds tighter. */
const RANKS: ReadonlyMap<string, number> = new Map([
  ...['AND', 'OR', 'XOR'].map((name) => [name, 1] as const),
  ...['=', '!=', '<>', '<', '<=', '>', '>='].map((name) => [name, 2] as const),
  ...['+', '-'].map((name) => [name, 3] as const),
  ...['*', '/', '%'].map((name) => [name, 4] as const),
  ['IN', 5],
  ['LIKE', 6],
])
const RANK_OF_PREFIX = 7
const KEYWORDS: ReadonlySet<string> = new Set([
  'AND',
  'OR',
  'XOR',
  'NOT',
  'LIKE',
  'IN',
  'EXISTS',
  'TRUE',
  'FALSE',
])

type Parser = { readonly tokens: readonly Token[]; at: number; depth: number }

/**
 * The tree of an expression of at most 4,096 characters. Throws `invalid_filter`, which is CESQL's
 * ParseError.
 */
export function parseExpression(text: string): Node {
  if (text.length > MAX_LENGTH) throw notAnExpression(`it has over ${MAX_LENGTH} characters`, MAX_LENGTH)
  const parser: Parser = { tokens: tokensOf(text), at: 0, depth: 0 }
  const node = parseFrom(parser, 0)
  if (peek(parser).kind !== 'end') throw unexpected(parser)
  return node
}

/** An expression whose operators all have a rank above `rank`. */
function parseFrom(parser: Parser, rank: number): Node {
  if (++parser.depth > MAX_DEPTH) throw notAnExpression('it is nested too deep', peek(parser).at)
  let left = parseOperand(parser)
  for (;;) {
    const isNegated = keywordAt(parser, 0) === 'NOT'
    const name = isNegated ? keywordAt(parser, 1) : (keywordAt(parser, 0) ?? markAt(parser))
    const found = name === undefined ? undefined : RANKS.get(name)
    if (name === undefined || found === undefined || found <= rank) break
    if (isNegated && name !== 'LIKE' && name !== 'IN') throw unexpected(parser)
    parser.at += isNegated ? 2 : 1
    left = parseInfix(parser, left, name, found)
    if (isNegated) left = node(parser, { kind: 'not', of: left }, left)
  }
  parser.depth--
  return left
}

function parseInfix(parser: Parser, of: Node, name: string, rank: number): Node {
  if (name === 'LIKE') {
    const { text: pattern, at } = need(parser, 'string')
    // The automaton of a pattern takes memory with the square of its length.
    if (pattern.length > MAX_PATTERN)
      throw notAnExpression(`a pattern has over ${MAX_PATTERN} characters`, at)
    return node(parser, { kind: 'like', of, pattern }, of)
  }
  if (name === 'IN') {
    needMark(parser, '(')
    const set = parseList(parser)
    return node(parser, { kind: 'in', of, set }, of, ...set)
  }
  const right = parseFrom(parser, rank)
  return node(parser, { kind: 'binary', operator: name as Operator, left: of, right }, of, right)
}

function parseOperand(parser: Parser): Node {
  const token = peek(parser)
  const keyword = keywordAt(parser, 0)
  if (keyword === 'EXISTS') {
    parser.at++
    if (keywordAt(parser, 0) !== undefined) throw unexpected(parser)
    return node(parser, { kind: 'exists', name: need(parser, 'word').text.toLowerCase() })
  }
  if (keyword === 'NOT') {
    parser.at++
    const of = parseFrom(parser, RANK_OF_PREFIX)
    return node(parser, { kind: 'not', of }, of)
  }
  if (token.kind === 'mark') return parseMark(parser, token)
  parser.at++
  if (keyword === 'TRUE' || keyword === 'FALSE')
    return node(parser, { kind: 'literal', value: keyword === 'TRUE' })
  if (token.kind === 'string') return node(parser, { kind: 'literal', value: token.text })
  if (token.kind === 'integer') return integer(parser, token.text, token.at)
  if (keyword !== undefined || token.kind === 'end') throw unexpected(parser, -1)
  if (markAt(parser) === '(') return parseCall(parser, token)
  if (token.kind === 'name') throw unexpected(parser, -1)
  return node(parser, { kind: 'attribute', name: token.text.toLowerCase() })
}

/** A bracket, a minus, or the sign of an integer, which stands directly before its digits. */
function parseMark(parser: Parser, mark: Token): Node {
  if (mark.text !== '(' && mark.text !== '-' && mark.text !== '+') throw unexpected(parser)
  parser.at++
  if (mark.text === '(') {
    const inner = parseFrom(parser, 0)
    needMark(parser, ')')
    return inner
  }
  const next = peek(parser)
  if (next.kind === 'integer' && next.at === mark.at + 1) {
    parser.at++
    return integer(parser, mark.text + next.text, mark.at)
  }
  if (mark.text === '+') throw unexpected(parser, -1)
  const of = parseFrom(parser, RANK_OF_PREFIX)
  return node(parser, { kind: 'minus', of }, of)
}

function parseCall(parser: Parser, name: Token): Node {
  if (/[0-9]/.test(name.text)) throw unexpected(parser)
  parser.at++
  const isEmpty = markAt(parser) === ')'
  if (isEmpty) parser.at++
  const given = isEmpty ? [] : parseList(parser)
  return node(parser, { kind: 'call', name: name.text.toUpperCase(), given }, ...given)
}

/** Expressions with commas between, and the bracket behind them. */
function parseList(parser: Parser): Node[] {
  const list = [parseFrom(parser, 0)]
  while (markAt(parser) === ',') {
    parser.at++
    list.push(parseFrom(parser, 0))
  }
  needMark(parser, ')')
  return list
}

function integer(parser: Parser, text: string, at: number): Node {
  const value = Number(text) + 0
  if (!isInteger32(value)) throw notAnExpression('an integer has over 32 bits', at)
  return node(parser, { kind: 'literal', value })
}

function node(parser: Parser, shape: Shape, ...below: Node[]): Node {
  const height = 1 + below.reduce((most, one) => Math.max(most, one.height), 0)
  // It is evaluated by as many calls in each other.
  if (height > MAX_HEIGHT)
    throw notAnExpression(`over ${MAX_HEIGHT} operators follow each other`, peek(parser).at)
  return { ...shape, height }
}

function peek(parser: Parser): Token {
  return parser.tokens[parser.at]!
}

function markAt(parser: Parser): string | undefined {
  const token = peek(parser)
  return token.kind === 'mark' ? token.text : undefined
}

function keywordAt(parser: Parser, ahead: number): string | undefined {
  const token = parser.tokens[parser.at + ahead]
  const upper = token?.kind === 'word' ? token.text.toUpperCase() : undefined
  return upper !== undefined && KEYWORDS.has(upper) ? upper : undefined
}

function need(parser: Parser, kind: Token['kind']): Token {
  const token = peek(parser)
  if (token.kind !== kind) throw unexpected(parser)
  parser.at++
  return token
}

function needMark(parser: Parser, text: string): void {
  if (markAt(parser) !== text) throw notAnExpression(`${text} is missing`, peek(parser).at)
  parser.at++
}

function unexpected(parser: Parser, ahead = 0): Error {
  const { kind, at } = parser.tokens[parser.at + ahead]!
  return notAnExpression(kind === 'end' ? 'it breaks off' : 'this is not expected here', at)
}
