/** Texts by the format, pattern and lengths of a schema. */
import { type Choices, cannotMake } from './choices.ts'
import { makeByPattern } from './make-by-pattern.ts'
import { readPattern } from './read-pattern.ts'
import type { Json } from './translate-schemas.ts'

const WORDS = [
  'alder',
  'birch',
  'cedar',
  'elm',
  'hazel',
  'juniper',
  'larch',
  'maple',
  'oak',
  'pine',
  'rowan',
  'willow',
]
const MAX_LENGTH = 100_000
const USUAL_LENGTH = 20
const TRIES = 20
const HEX = '0123456789abcdef'

const FORMATS: Record<string, (choose: Choices['choose']) => string> = {
  date,
  'date-time': (choose) => `${date(choose)}T${time(choose)}`,
  time,
  duration: (choose) => `P${1 + choose(30)}D`,
  email: (choose) => `${word(choose)}@example.org`,
  'idn-email': (choose) => `${word(choose)}@example.org`,
  hostname: (choose) => `${word(choose)}.example.org`,
  'idn-hostname': (choose) => `${word(choose)}.example.org`,
  ipv4: (choose) => `192.0.2.${1 + choose(254)}`,
  ipv6: (choose) => `2001:db8::${(1 + choose(65_000)).toString(16)}`,
  uri: (choose) => `https://example.org/${word(choose)}`,
  'uri-reference': (choose) => `/${word(choose)}`,
  iri: (choose) => `https://example.org/${word(choose)}`,
  'iri-reference': (choose) => `/${word(choose)}`,
  'uri-template': (choose) => `/${word(choose)}/{id}`,
  'json-pointer': (choose) => `/${word(choose)}`,
  'relative-json-pointer': (choose) => `0/${word(choose)}`,
  regex: (choose) => `^${word(choose)}$`,
  uuid: (choose) =>
    `${hex(choose, 8)}-${hex(choose, 4)}-4${hex(choose, 3)}-8${hex(choose, 3)}-${hex(choose, 12)}`,
  byte: (choose) => Buffer.from(word(choose)).toString('base64'),
}

/** Throws `answer_not_makeable`. */
export function makeText(schema: Json, at: string, choices: Choices): string {
  const { format, pattern } = schema
  const least = lengthOf(schema['minLength']) ?? 0
  const most = lengthOf(schema['maxLength']) ?? Number.POSITIVE_INFINITY
  if (least > MAX_LENGTH) throw cannotMake(at, `minLength asks for more than ${MAX_LENGTH}`)
  if (most < least) throw cannotMake(at, 'maxLength is below minLength')
  choices.spend(least, at)
  if (typeof pattern === 'string') return textByPattern(pattern, { least, most }, at, choices)
  if (typeof format === 'string' && Object.hasOwn(FORMATS, format)) return FORMATS[format]!(choices.choose)
  let text = word(choices.choose)
  while (text.length < least) text += ` ${word(choices.choose)}`
  return text.slice(0, Math.max(least, Math.min(most, USUAL_LENGTH)))
}

function textByPattern(
  pattern: string,
  { least, most }: { least: number; most: number },
  at: string,
  choices: Choices,
): string {
  const expression = readPattern(pattern)
  for (let tries = 0; tries < TRIES; tries++) {
    const text = makeByPattern(pattern, at, choices)
    if (text === undefined) break
    const { length } = [...text]
    if (length >= least && length <= most && expression.test(text)) return text
  }
  throw cannotMake(at, 'no text could be made by its pattern: an example is needed')
}

function lengthOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function word(choose: Choices['choose']): string {
  return WORDS[choose(WORDS.length)]!
}

function date(choose: Choices['choose']): string {
  return `20${two(10 + choose(20))}-${two(1 + choose(12))}-${two(1 + choose(28))}`
}

function time(choose: Choices['choose']): string {
  return `${two(choose(24))}:${two(choose(60))}:${two(choose(60))}Z`
}

function two(number: number): string {
  return String(number).padStart(2, '0')
}

function hex(choose: Choices['choose'], length: number): string {
  return Array.from({ length }, () => HEX[choose(16)]!).join('')
}
