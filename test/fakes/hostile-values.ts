/** Values for a JSON Schema, drawn from a seed: valid ones, ones at the schema's bounds, and invalid ones. */
import { type OpenApiDocument, resolve, type Schema } from '#platform/http-service/openapi-operations.ts'

/** Numbers below 1; the same for the same seed. */
export type Draw = {
  next(): number
  pick<T>(from: readonly T[]): T
  chance(of: number): boolean
  restart(seed: number): void
}

/** The names and ids in answers so far: a call with existing ones gets further than one with guesses. */
export type Seen = Map<string, string[]>

type Bounds = {
  enum?: unknown[]
  const?: unknown
  minLength?: number
  maxLength?: number
  pattern?: string
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  required?: string[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
}

/** mulberry32, by Tommy Ettinger (public domain). */
export function drawFrom(seed: number): Draw {
  let state = 0
  const restart = (from: number): void => {
    // Without mixing, neighbouring seeds would begin alike.
    state = Math.imul(from, 0x9e3779b1) >>> 0
  }
  restart(seed)
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!
  return { next, pick, chance: (of) => next() < of, restart }
}

/** Texts on which a reader may stumble; JSON can carry each. */
export const HOSTILE_TEXTS = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\u0001\u001b[2J',
  'a\r\nSet-Cookie: x=1',
  '\u202egnp.exe',
  '\ud800',
  '\udfff\ud800',
  '\ufeffa',
  'İstanbul ß ﬁ',
  '👩‍👩‍👧‍👦'.repeat(8),
  'e\u0301'.repeat(100),
  '../../../../etc/passwd',
  '..\\..\\windows\\win.ini',
  '%00',
  '%2e%2e%2f',
  "' OR 1=1 --",
  '"; DROP TABLE members; --',
  '%%%_%_',
  '\\',
  '<script>alert(1)</script>',
  '{{7*7}}',
  '=cmd|calc!A1',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'NaN',
  '-1',
  '9007199254740993',
  '1e309',
  '0x10',
  '1970-01-01T00:00:60Z',
  '9999-12-31T23:59:59.999999999+23:59',
  '2026-02-30T00:00:00Z',
  'a'.repeat(300),
  'a'.repeat(5000),
  'DEV:GOV:1001:',
  'DEV::1001',
  ':::',
  'DEV:GOV:1001:population:x:y:z',
  'DEV/GOV/1001',
  'https://[::1',
  'http://user:secret@127.0.0.1/',
  'http://0/',
  'file:///etc/passwd',
  'http://169.254.169.254/latest/meta-data',
  'javascript:alert(1)',
] as const

/** None of them is a text, or each is a text where another type is required. */
export const WRONG_TYPES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  '',
  'x',
  [],
  [[]],
  {},
  { a: 1 },
]

const TEXTS_THAT_FIT = [
  ...['a', 'Name', '1', '17', 'GET', '/a', 'DEV', 'GOV', '1001', 'DEV:GOV:1001', 'DEV:GOV:1001:population'],
  ...['127.0.0.1', 'host.example', 'a@host.example', 'PT1H', '2026-03-01', '2027-03-01T00:00:00Z', 'CN=a'],
  ...['0123456789abcdef0123456789abcdef', '0123456789abcdef'.repeat(4), 'ab'.repeat(28), 'ab'.repeat(20)],
  ...[
    '4b4bd1b8-6f4f-4f5e-9f6e-0c5a3c1a2b3c',
    'AAAAAAAAAAAAAAAAAAAAAA',
    'ABCD-EFGH-JKLM',
    'en',
    'XROAD_OBSERVER',
  ],
]
const FORMATS: Record<string, string[]> = {
  uuid: ['4b4bd1b8-6f4f-4f5e-9f6e-0c5a3c1a2b3c', '00000000-0000-0000-0000-000000000000'],
  'date-time': ['2026-03-01T00:00:00Z', '2099-12-31T23:59:59.999Z', '0001-01-01T00:00:00Z'],
  date: ['2026-03-01', '0001-01-01', '9999-12-31'],
}
const DEEPEST = 6
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Whether the text is within the bounds of the schema. */
export function fits(given: Schema, text: string): boolean {
  const schema = given as Schema & Bounds
  if (schema.format === 'uuid' && !UUID.test(text)) return false
  if (schema.format === 'date-time' && !/^\d{4}-.*T/.test(text)) return false
  return (
    text.length >= (schema.minLength ?? 0) &&
    text.length <= (schema.maxLength ?? 30_000) &&
    (schema.pattern === undefined || new RegExp(schema.pattern, 'u').test(text))
  )
}

export type ValueMaker = {
  /** A valid value, as far as the schema alone can tell. */
  fitting(schema: Schema, name?: string): unknown
  /** A value at or just beyond one bound of the schema. */
  atBound(schema: Schema): unknown
}

export function makeValues(document: OpenApiDocument, draw: Draw, seen: Seen): ValueMaker {
  const boundsOf = (schema: Schema): Schema & Bounds => resolve(document, schema) as Schema & Bounds

  function fitting(given: Schema, name = '', depth = 0): unknown {
    const schema = boundsOf(given)
    const named = (seen.get(given.$ref ?? '') ?? []).filter((text) => fits(schema, text))
    if (named.length > 0 && !seen.has(name) && draw.chance(0.8)) return draw.pick(named)
    if (schema.const !== undefined) return schema.const
    if (schema.enum !== undefined) return draw.pick(schema.enum)
    const choice = schema.oneOf ?? schema.anyOf
    if (choice !== undefined && schema.type === undefined) return fitting(draw.pick(choice), name, depth + 1)
    switch ([schema.type].flat()[0] ?? (schema.properties === undefined ? 'any' : 'object')) {
      case 'object':
        return objectThatFits(schema, depth)
      case 'array': {
        const [least, most] = [schema.minItems ?? 0, Math.min(schema.maxItems ?? 3, 3)]
        const length = depth > DEEPEST ? least : Math.max(least, Math.floor(draw.next() * (most + 1)))
        return Array.from({ length }, () => fitting(schema.items ?? {}, name, depth + 1))
      }
      case 'integer':
      case 'number':
        return draw.pick([schema.minimum ?? 1, schema.minimum ?? 0, Math.min(schema.maximum ?? 100, 100)])
      case 'boolean':
        return draw.chance(0.5)
      case 'null':
        return null
      default:
        return textThatFits(schema, name)
    }
  }

  function objectThatFits(schema: Schema & Bounds, depth: number): object {
    const wanted = Object.entries(schema.properties ?? {}).filter(
      ([name]) => schema.required?.includes(name) === true || (depth < DEEPEST && draw.chance(0.6)),
    )
    const own = Object.fromEntries(wanted.map(([name, part]) => [name, fitting(part, name, depth + 1)]))
    const parts = (schema.allOf ?? []).map((part) => fitting(part, '', depth + 1))
    return Object.assign({}, own, ...parts) as object
  }

  function textThatFits(schema: Schema & Bounds, name: string): string {
    const known = (seen.get(name) ?? []).filter((text) => fits(schema, text))
    if (known.length > 0 && draw.chance(0.7)) return draw.pick(known)
    const formatted = FORMATS[schema.format ?? '']
    if (formatted !== undefined) return draw.pick(formatted)
    const some = [...TEXTS_THAT_FIT, 'a'.repeat(Math.max(1, schema.minLength ?? 1))].filter((text) =>
      fits(schema, text),
    )
    return some.length === 0 ? 'a' : draw.pick(some)
  }

  function atBound(given: Schema): unknown {
    const schema = boundsOf(given)
    const { minLength = 0, maxLength, minimum, maximum, minItems = 0, maxItems, items } = schema
    const values: unknown[] = []
    const type = [schema.type].flat()[0]
    if (type === 'string') {
      for (const length of [minLength - 1, minLength, maxLength ?? 2000, (maxLength ?? 2000) + 1])
        if (length >= 0) values.push('1'.repeat(length), 'ä'.repeat(length))
      values.push(...HOSTILE_TEXTS)
    } else if (type === 'integer' || type === 'number') {
      for (const bound of [minimum ?? -(2 ** 31), maximum ?? 2 ** 53])
        values.push(bound - 1, bound, bound + 1)
      values.push(1.5, -0, 1e308, Number.MIN_VALUE)
    } else if (type === 'array') {
      for (const length of [minItems - 1, minItems, maxItems ?? 500, (maxItems ?? 500) + 1])
        if (length >= 0 && length < 2000) {
          const one = fitting(items ?? {})
          values.push(Array.from({ length }, () => one))
        }
    } else values.push(...WRONG_TYPES)
    return draw.pick(values)
  }

  return { fitting: (schema, name) => fitting(schema, name), atBound }
}
