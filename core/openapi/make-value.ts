/**
 * Makes data by a schema of an OpenAPI document: the same for the same seed. Examples and defaults of the
 * schema come first. What a schema wants in ways that are not followed here (`not`, `if`,
 * `patternProperties`, ...) is left to whoever checks the value.
 */
import { cannotMake, type Making } from './choices.ts'
import { makeNumber } from './make-number.ts'
import { makeText } from './make-text.ts'
import { mergeSchemas } from './merge-schemas.ts'
import { isObject, type Json } from './translate-schemas.ts'

/** From here on only what is required is made, and null where that is allowed. */
const SPARE_DEPTH = 5
const MAX_DEPTH = 40
const MAX_ITEMS = 100
const MAX_ADDED = 50

/** A value by the schema, which stands at `at`. Throws `answer_not_makeable`. */
export function makeValue(schema: unknown, at: string, making: Making, depth = 0): unknown {
  const { choices } = making
  choices.spend(1, at)
  if (depth > MAX_DEPTH) throw cannotMake(at, 'it refers to itself without end')
  const whole = mergeSchemas(schema, at, making, depth >= SPARE_DEPTH)
  if (Object.hasOwn(whole, 'const')) return whole['const']
  const given = givenBy(whole)
  if (given !== undefined) return given.value
  const { enum: allowed } = whole
  if (Array.isArray(allowed)) {
    if (allowed.length === 0) throw cannotMake(at, 'its enum is empty')
    return allowed[choices.choose(allowed.length)]
  }
  const types = typesOf(whole)
  if (depth >= SPARE_DEPTH && (types.includes('null') || whole['nullable'] === true)) return null
  switch (types.find((one) => one !== 'null') ?? types[0]) {
    case 'object':
      return makeObject(whole, at, making, depth)
    case 'array':
      return makeList(whole, at, making, depth)
    case 'integer':
    case 'number':
      return makeNumber(whole, at, choices)
    case 'boolean':
      return choices.choose(2) === 1
    case 'null':
      return null
    default:
      return makeText(whole, at, choices)
  }
}

/** What the schema itself gives for a value. Undefined is no value of JSON. */
function givenBy({ examples, example, default: standard }: Json): { value: unknown } | undefined {
  const value = Array.isArray(examples) && examples.length > 0 ? examples[0] : (example ?? standard)
  return value === undefined ? undefined : { value }
}

function typesOf(schema: Json): unknown[] {
  if (schema['type'] !== undefined) return [schema['type']].flat()
  const has = (...keywords: string[]): boolean => keywords.some((one) => schema[one] !== undefined)
  if (has('properties', 'required', 'additionalProperties', 'minProperties')) return ['object']
  if (has('items', 'prefixItems', 'minItems', 'contains')) return ['array']
  if (has('minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf')) return ['number']
  return ['string']
}

function makeObject(schema: Json, at: string, making: Making, depth: number): Json {
  const properties = isObject(schema['properties']) ? schema['properties'] : {}
  const required = new Set(Array.isArray(schema['required']) ? (schema['required'] as unknown[]) : [])
  const hidden = making.half === 'request' ? 'readOnly' : 'writeOnly'
  const value: Json = {}
  for (const [name, property] of Object.entries(properties)) {
    const below = `${at}/properties/${name}`
    if (depth >= SPARE_DEPTH && !required.has(name)) continue
    try {
      if (isObject(property) && mergeSchemas(property, below, making, true)[hidden] === true) continue
      set(value, name, makeValue(property, below, making, depth + 1))
    } catch (cause) {
      if (required.has(name)) throw cause
    }
  }
  for (const name of required)
    if (typeof name === 'string' && !Object.hasOwn(properties, name))
      set(value, name, makeAdded(schema, at, making, depth))
  addMore(schema, value, at, making, depth)
  const { maxProperties } = schema
  if (typeof maxProperties === 'number')
    for (const name of Object.keys(value).reverse())
      if (Object.keys(value).length > maxProperties && !required.has(name)) delete value[name]
  return value
}

function addMore(schema: Json, value: Json, at: string, making: Making, depth: number): void {
  const { minProperties } = schema
  const missing = typeof minProperties === 'number' ? minProperties - Object.keys(value).length : 0
  if (missing > MAX_ADDED) throw cannotMake(at, 'minProperties asks for too many')
  for (let number = 1; number <= missing; number++)
    set(value, `name${number}`, makeAdded(schema, at, making, depth))
}

function makeAdded(schema: Json, at: string, making: Making, depth: number): unknown {
  const added = schema['additionalProperties'] ?? {}
  if (added === false) throw cannotMake(at, 'it requires a property that it does not allow')
  return makeValue(added, `${at}/additionalProperties`, making, depth + 1)
}

function makeList(schema: Json, at: string, making: Making, depth: number): unknown[] {
  const { minItems, maxItems, contains, uniqueItems, items } = schema
  const least = typeof minItems === 'number' ? minItems : 0
  const most = typeof maxItems === 'number' ? maxItems : Number.POSITIVE_INFINITY
  if (least > MAX_ITEMS) throw cannotMake(at, `minItems asks for more than ${MAX_ITEMS}`)
  const usual = depth >= SPARE_DEPTH ? 0 : 1 + making.choices.choose(2)
  const wanted = Math.min(Math.max(least, usual), most)
  const first = Array.isArray(schema['prefixItems']) ? schema['prefixItems'].slice(0, MAX_ITEMS) : []
  const list: unknown[] = []
  const seen = new Set<string>()
  // A value that comes a second time is made again a few times.
  for (let tries = 0; list.length < wanted && tries < wanted * 10; tries++) {
    const index = list.length
    const place = index < first.length ? `${at}/prefixItems/${index}` : `${at}/items`
    const one = index < first.length ? (first[index] as unknown) : (contains ?? items ?? {})
    if (one === false) break
    try {
      const value = makeValue(one, place, making, depth + 1)
      const key = JSON.stringify(value)
      if (uniqueItems === true && seen.has(key)) continue
      seen.add(key)
      list.push(value)
    } catch (cause) {
      if (list.length < least) throw cause
      break
    }
  }
  if (list.length < least) throw cannotMake(at, 'so many different items cannot be made')
  return list
}

/** A property called `__proto__` is a property. */
function set(value: Json, name: string, found: unknown): void {
  Object.defineProperty(value, name, { value: found, enumerable: true, configurable: true, writable: true })
}
