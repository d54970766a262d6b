/**
 * One schema out of several that speak of the same value: references, `allOf`, and one of `oneOf` and
 * `anyOf`.
 */
import { cannotMake, type Making } from './choices.ts'
import { pointedAt } from './openapi-operations.ts'
import { isObject, type Json } from './translate-schemas.ts'

const MAX_HOPS = 60
/** Whichever is larger, or smaller, holds for both. */
const LOWER = ['minimum', 'minLength', 'minItems', 'minProperties', 'exclusiveMinimum']
const UPPER = ['maximum', 'maxLength', 'maxItems', 'maxProperties', 'exclusiveMaximum']
/** What stands beside other parts is an example of one of them. */
const OF_THE_WHOLE = ['example', 'examples', 'default']
/** The types of a value that ends: preferred where there must be an end. */
const PLAIN = new Set(['string', 'integer', 'number', 'boolean', 'null'])

/**
 * Throws `answer_not_makeable` for a part that nothing fits, or references without end. `isSpare`: choose
 * what ends soon.
 */
export function mergeSchemas(schema: unknown, at: string, making: Making, isSpare: boolean, hops = 0): Json {
  const { document, minor, choices } = making
  choices.spend(1, at)
  if (hops > MAX_HOPS) throw cannotMake(at, 'its references lead too far')
  if (schema === true) return {}
  if (!isObject(schema)) throw cannotMake(at, 'nothing fits it')
  const below = (one: unknown, place: string): Json => mergeSchemas(one, place, making, isSpare, hops + 1)
  const { $ref, allOf, oneOf, anyOf, ...own } = schema
  if (typeof $ref === 'string') {
    const target = below(pointedAt(document, $ref.slice(1)), $ref.slice(1))
    // What stands beside a reference counts from OpenAPI 3.1 on.
    return minor === 0 ? target : merged(own, target)
  }
  let whole: Json = own
  for (const [index, part] of listOf(allOf).entries())
    whole = merged(whole, withoutGiven(below(part, `${at}/allOf/${index}`)))
  for (const [keyword, options] of [
    ['oneOf', listOf(oneOf)],
    ['anyOf', listOf(anyOf)],
  ] as const) {
    if (options.length === 0) continue
    const chosen = isSpare ? shortest(options, document) : choices.choose(options.length)
    whole = merged(whole, below(options[chosen], `${at}/${keyword}/${chosen}`))
  }
  return whole
}

function withoutGiven(schema: Json): Json {
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !OF_THE_WHOLE.includes(keyword)))
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** The first option of a plain type, else the first. */
function shortest(options: unknown[], document: Json): number {
  const found = options.findIndex((option) => {
    const $ref = isObject(option) ? option['$ref'] : undefined
    const target = typeof $ref === 'string' ? pointedAt(document, $ref.slice(1)) : option
    return isObject(target) && typeof target['type'] === 'string' && PLAIN.has(target['type'])
  })
  return Math.max(found, 0)
}

function merged(one: Json, other: Json): Json {
  const whole: Json = { ...other, ...one }
  for (const keyword of LOWER) mergeNumbers(keyword, Math.max)
  for (const keyword of UPPER) mergeNumbers(keyword, Math.min)
  const { required: first, properties: mine, type, enum: allowed } = one
  const { required: second, properties: theirs } = other
  if (Array.isArray(first) && Array.isArray(second)) whole['required'] = [...first, ...second]
  if (isObject(mine) && isObject(theirs)) whole['properties'] = mergeProperties(mine, theirs)
  if (type !== undefined && other['type'] !== undefined) whole['type'] = common(type, other['type'])
  if (allowed !== undefined && other['enum'] !== undefined) whole['enum'] = common(allowed, other['enum'])
  if (one['items'] !== undefined && other['items'] !== undefined)
    whole['items'] = { allOf: [one['items'], other['items']] }
  return whole

  function mergeNumbers(keyword: string, choose: (a: number, b: number) => number): void {
    const [a, b] = [one[keyword], other[keyword]]
    if (typeof a === 'number' && typeof b === 'number') whole[keyword] = choose(a, b)
  }
}

function mergeProperties(mine: Json, theirs: Json): Json {
  const entries = [...Object.entries(theirs), ...Object.entries(mine)].map(([name, property]) => [
    name,
    Object.hasOwn(mine, name) && Object.hasOwn(theirs, name)
      ? { allOf: [mine[name], theirs[name]] }
      : property,
  ])
  return Object.fromEntries(entries) as Json
}

/** An integer is a number. */
function common(one: unknown, other: unknown): unknown[] {
  const theirs = new Set(
    [other].flat().flatMap((each) => (each === 'number' ? ['number', 'integer'] : [each])),
  )
  const both = [one].flat().filter((each) => theirs.has(each))
  if (both.length > 0) return both
  return [one].flat().includes('number') && theirs.has('integer') ? ['integer'] : []
}
