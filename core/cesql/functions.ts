/** The built-in functions of CESQL 1.0 (section 3.5). A character is a code point of Unicode. */
import type { Outcome, Value, ValueType } from './values.ts'

type BuiltIn = {
  readonly parameters: readonly ValueType[]
  /** The type of any number of further arguments. */
  readonly rest?: ValueType
  readonly type: ValueType
  /** Gets as many arguments as there are, each of its type. */
  apply(given: readonly Value[]): Outcome
}

/** White space of Unicode, all of which is in the Basic Multilingual Plane: first and last of each range. */
const SPACES = [
  ...([0x09, 0x0d, 0x20, 0x20, 0x85, 0x85, 0xa0, 0xa0, 0x1680, 0x1680, 0x2000, 0x200a] as const),
  ...([0x2028, 0x2029, 0x202f, 0x202f, 0x205f, 0x205f, 0x3000, 0x3000] as const),
]
const LARGEST = 2_147_483_647

const NAMED: Readonly<Record<string, readonly BuiltIn[]>> = {
  INT: [{ parameters: ['integer'], type: 'integer', apply: ([x]) => x! }],
  BOOL: [{ parameters: ['boolean'], type: 'boolean', apply: ([x]) => x! }],
  STRING: [{ parameters: ['string'], type: 'string', apply: ([x]) => x! }],
  LENGTH: [{ parameters: ['string'], type: 'integer', apply: ([x]) => lengthOf(text(x)) }],
  CONCAT: [{ parameters: [], rest: 'string', type: 'string', apply: (all) => all.join('') }],
  CONCAT_WS: [
    {
      parameters: ['string'],
      rest: 'string',
      type: 'string',
      apply: ([delimiter, ...all]) => all.join(text(delimiter)),
    },
  ],
  LOWER: [{ parameters: ['string'], type: 'string', apply: ([x]) => text(x).toLowerCase() }],
  UPPER: [{ parameters: ['string'], type: 'string', apply: ([x]) => text(x).toUpperCase() }],
  TRIM: [{ parameters: ['string'], type: 'string', apply: ([x]) => trim(text(x)) }],
  LEFT: [
    {
      parameters: ['string', 'integer'],
      type: 'string',
      apply: ([x, y]) => part(text(x), number(y), false),
    },
  ],
  RIGHT: [
    {
      parameters: ['string', 'integer'],
      type: 'string',
      apply: ([x, y]) => part(text(x), number(y), true),
    },
  ],
  SUBSTRING: [
    {
      parameters: ['string', 'integer'],
      type: 'string',
      apply: ([x, from]) => substring(text(x), number(from), LARGEST),
    },
    {
      parameters: ['string', 'integer', 'integer'],
      type: 'string',
      apply: ([x, from, length]) => substring(text(x), number(from), number(length)),
    },
  ],
  ABS: [{ parameters: ['integer'], type: 'integer', apply: ([x]) => absolute(number(x)) }],
}
const FUNCTIONS = new Map(Object.entries(NAMED))

/** The function of this name (upper case) that takes so many arguments. */
export function findFunction(name: string, count: number): BuiltIn | undefined {
  return FUNCTIONS.get(name)?.find(({ parameters, rest }) =>
    rest === undefined ? parameters.length === count : parameters.length <= count,
  )
}

/** The first characters, or with `isLast` the last ones. */
function part(all: string, count: number, isLast: boolean): Outcome {
  if (count < 0) return { error: 'functionEvaluation', value: all }
  return isLast ? cut(all, Math.max(0, lengthOf(all) - count), LARGEST) : cut(all, 0, count)
}

/** Counts from 1, or from the end where it is negative; from 0 there is nothing. */
function substring(all: string, from: number, length: number): Outcome {
  const count = lengthOf(all)
  if (Math.abs(from) > count || length < 0) return { error: 'functionEvaluation', value: '' }
  if (from === 0) return ''
  const start = from > 0 ? from - 1 : count + from
  return cut(all, start, length)
}

function lengthOf(all: string): number {
  let count = all.length
  for (let at = 0; at < all.length; at++) if (isPair(all, at)) count--
  return count
}

function cut(all: string, start: number, length: number): string {
  const from = placeAfter(all, 0, start)
  return all.slice(from, placeAfter(all, from, length))
}

/** Where so many characters after a place end, or the text does. */
function placeAfter(all: string, from: number, count: number): number {
  let at = from
  for (let left = count; left > 0 && at < all.length; left--) at += isPair(all, at) ? 2 : 1
  return at
}

/** Texts are well formed: a high surrogate has its low one behind it. */
function isPair(all: string, at: number): boolean {
  return (all.charCodeAt(at) & 0xfc00) === 0xd800
}

/** White space as Unicode has it, which differs from that of String.trim: U+0085 is, U+FEFF is none. */
function trim(all: string): string {
  let [from, to] = [0, all.length]
  while (from < to && isSpace(all.charCodeAt(from))) from++
  while (to > from && isSpace(all.charCodeAt(to - 1))) to--
  return all.slice(from, to)
}

function isSpace(code: number): boolean {
  for (let i = 0; i < SPACES.length; i += 2) if (code <= SPACES[i + 1]!) return code >= SPACES[i]!
  return false
}

function absolute(x: number): Outcome {
  return x < -LARGEST ? { error: 'math', value: LARGEST } : Math.abs(x)
}

function text(value: Value | undefined): string {
  return value as string
}

function number(value: Value | undefined): number {
  return value as number
}
