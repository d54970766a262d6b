/**
 * The schemas of an OpenAPI document that messages are held against, as one JSON Schema 2020-12. Each is
 * translated where it is first needed: nothing else of the document is looked at, no reference leaves it, and
 * none leads in a circle without end.
 */
import { pointedAt } from './openapi-operations.ts'

export type Json = Record<string, unknown>
export type Half = 'request' | 'response'

type Schema = Json | boolean

type Schemas = {
  /** Notes the schema at a place of the document (RFC 6901) and returns the key by which `all` has it. */
  use(pointer: string, half: Half): string
  /** What was used and what that refers to, by key, with its place. Throws what `refuse` makes. */
  all(): Map<string, { schema: Schema; pointer: string }>
}

/** Aliases of YAML may make a small document large. */
const MAX_NODES = 200_000
const MAX_DEPTH = 200
const KEPT = [
  ...[
    'type',
    'enum',
    'const',
    'format',
    'pattern',
    'required',
    'dependentRequired',
    'uniqueItems',
    'multipleOf',
  ],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'minLength', 'maxLength'],
  ...['minItems', 'maxItems', 'minContains', 'maxContains', 'minProperties', 'maxProperties'],
]
/** Those of them that speak of the same value as the schema itself, and those that speak of a part of it. */
const OF_THE_SAME = {
  one: ['not', 'if', 'then', 'else'],
  list: ['allOf', 'anyOf', 'oneOf'],
  map: ['dependentSchemas'],
}
const OF_A_PART = {
  one: [
    'items',
    'contains',
    'propertyNames',
    'additionalProperties',
    'unevaluatedItems',
    'unevaluatedProperties',
  ],
  list: ['prefixItems'],
  map: ['properties', 'patternProperties'],
}
/** They say by which document or at which time a reference is resolved: this is the one document, now. */
const NOT_READ = ['$id', '$dynamicRef', '$recursiveRef']

type Walk = { half: Half; key: string; isSame: boolean; depth: number }

/** `isSchema`: the document is one itself, and may refer to itself. */
export function createSchemas(q: {
  document: Json
  minor: number
  isSchema?: boolean
  refuse(what: string): Error
}): Schemas {
  const { document, minor, refuse } = q
  const places = new Map<string, { key: string; half: Half; pointer: string }>()
  const schemas = new Map<string, { schema: Schema; pointer: string }>()
  /** From a schema to those that speak of the same value. */
  const same = new Map<string, Set<string>>()
  let nodes = 0

  function use(pointer: string, half: Half): string {
    const name = `${half} ${pointer}`
    const known = places.get(name)
    if (known !== undefined) return known.key
    const key = `s${places.size}`
    places.set(name, { key, half, pointer })
    return key
  }

  function translate(node: unknown, at: string, walk: Walk): Schema {
    if (++nodes > MAX_NODES) throw refuse('its schemas are too large')
    if (walk.depth > MAX_DEPTH) throw refuse(`${at} has more than ${MAX_DEPTH} levels`)
    if (typeof node === 'boolean') return node
    if (!isObject(node)) throw refuse(`${at} must be a schema`)
    const unread = NOT_READ.find((keyword) => node[keyword] !== undefined)
    if (unread !== undefined) throw refuse(`${at} has ${unread}, which is not read`)
    const found: [string, unknown][] = []
    if (node['$ref'] !== undefined) {
      const pointer = referredBy(node['$ref'], at, q)
      const key = use(pointer, walk.half)
      if (walk.isSame) same.get(walk.key)!.add(key)
      found.push(['$ref', `#/$defs/${key}`])
      // What stands beside a reference counts from OpenAPI 3.1 on.
      if (minor === 0) return Object.fromEntries(found)
    }
    for (const keyword of KEPT) if (Object.hasOwn(node, keyword)) found.push([keyword, node[keyword]])
    for (const [keywords, isSame] of [
      [OF_THE_SAME, walk.isSame],
      [OF_A_PART, false],
    ] as const) {
      const below = { ...walk, isSame, depth: walk.depth + 1 }
      for (const keyword of keywords.one)
        if (Object.hasOwn(node, keyword))
          found.push([keyword, translate(node[keyword], `${at}/${keyword}`, below)])
      for (const keyword of keywords.list)
        if (Array.isArray(node[keyword]))
          found.push([
            keyword,
            node[keyword].map((one, index) => translate(one, `${at}/${keyword}/${index}`, below)),
          ])
        else if (node[keyword] !== undefined) throw refuse(`${at}/${keyword} must be a list`)
      for (const keyword of keywords.map)
        if (isObject(node[keyword]))
          found.push([
            keyword,
            Object.fromEntries(
              Object.entries(node[keyword]).map(([name, one]) => [
                name,
                translate(one, `${at}/${keyword}/${escaped(name)}`, below),
              ]),
            ),
          ])
        else if (node[keyword] !== undefined) throw refuse(`${at}/${keyword} must be an object`)
    }
    const schema = Object.fromEntries(found)
    if (minor === 0) sayAs2020(schema, node)
    if (q.isSchema !== true) leaveOutOther(schema, node, walk.half)
    return schema
  }

  /**
   * A property that is only read is not wanted in a request, one that is only written not in an answer
   * (OpenAPI, Schema Object). In a JSON Schema both only describe (2020-12 Validation section 9.4).
   */
  function leaveOutOther(schema: Json, node: Json, half: Half): void {
    const { required } = schema
    const { properties } = node
    if (!Array.isArray(required) || !isObject(properties)) return
    const mark = half === 'request' ? 'readOnly' : 'writeOnly'
    schema['required'] = required.filter(
      (name) =>
        typeof name !== 'string' || !Object.hasOwn(properties, name) || !hasMark(properties[name], mark),
    )
  }

  function hasMark(property: unknown, mark: string): boolean {
    let next = property
    for (let hops = 0; hops < 10 && isObject(next); hops++) {
      if (next[mark] === true) return true
      const reference = next['$ref']
      next = typeof reference === 'string' ? pointedAt(document, reference.slice(1)) : undefined
    }
    return false
  }

  return {
    use,
    all() {
      // What is translated may note more, which the loop then meets.
      for (const { key, half, pointer } of places.values()) {
        if (schemas.has(key)) continue
        same.set(key, new Set())
        const walk = { half, key, isSame: true, depth: 0 }
        schemas.set(key, { schema: translate(pointedAt(document, pointer), `#${pointer}`, walk), pointer })
      }
      const endless = circleIn(same)
      if (endless !== undefined)
        throw refuse(`#${schemas.get(endless)!.pointer} refers to itself without end`)
      return schemas
    },
  }
}

/** OpenAPI 3.0 is of an earlier JSON Schema in two keywords, and has one of its own. */
function sayAs2020(schema: Json, node: Json): void {
  for (const [exclusive, limit] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (typeof schema[exclusive] !== 'boolean') continue
    if (schema[exclusive] && schema[limit] !== undefined) {
      schema[exclusive] = schema[limit]
      delete schema[limit]
    } else delete schema[exclusive]
  }
  if (node['nullable'] === true && typeof schema['type'] === 'string')
    schema['type'] = [schema['type'], 'null']
}

/**
 * The place that a reference names, in one spelling. Throws for one that leaves the document or leads
 * nowhere.
 */
export function referredBy(
  reference: unknown,
  at: string,
  { document, isSchema, refuse }: { document: Json; isSchema?: boolean; refuse(what: string): Error },
): string {
  if (reference === '#' && isSchema === true) return ''
  if (typeof reference !== 'string' || !reference.startsWith('#/'))
    throw refuse(`${at} refers to ${shown(reference)}: only a place of the same document can be read`)
  let pointer: string
  try {
    pointer = decodeURIComponent(reference.slice(1))
  } catch {
    throw refuse(`${at} has a reference that is no URI`)
  }
  if (pointedAt(document, reference.slice(1)) === undefined)
    throw refuse(`${at} refers to ${shown(reference)}, which is not in the document`)
  return encodedSpelling(pointer)
}

/** As `pointedAt` takes it: the fragment of a URI. */
function encodedSpelling(pointer: string): string {
  return pointer
    .split('/')
    .map((part) => encodeURIComponent(part))
    .join('/')
}

/** A name of the document as a part of a pointer. */
export function escaped(name: string): string {
  return encodeURIComponent(name.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1'))
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(reference: unknown): string {
  return typeof reference === 'string' ? reference.slice(0, 100).toWellFormed() : 'something that is no text'
}

/**
 * A member of a circle, if there is one. Without calls in each other: a chain may have thousands of links.
 */
function circleIn(edges: ReadonlyMap<string, ReadonlySet<string>>): string | undefined {
  const done = new Set<string>()
  const open = new Set<string>()
  for (const start of edges.keys()) {
    const stack: { key: string; left: Iterator<string> }[] = []
    const enter = (key: string): void => {
      open.add(key)
      stack.push({ key, left: (edges.get(key) ?? new Set<string>()).values() })
    }
    if (!done.has(start)) enter(start)
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.left.next()
      if (next.done === true) {
        done.add(top.key)
        open.delete(top.key)
        stack.pop()
      } else if (open.has(next.value)) return next.value
      else if (!done.has(next.value)) enter(next.value)
    }
  }
  return undefined
}
