/**
 * The operations of an OpenAPI 3 document as endpoints, and what a reader of the document should know. No
 * reference leaves the document, and none is followed twice.
 */
import { REST_METHODS } from '#schemas/wire.ts'

type Json = Record<string, unknown>
type Endpoint = { method: string; path: string }
/** What the functions share: the document, its minor version (3.x), and where remarks and refusals go. */
export type OpenApiReading = {
  document: Json
  minor: number
  refuse(what: string): Error
  warn(what: string): void
}

const MAX_PATH = 500
/** A path item that refers to a path item, and so on. */
const MAX_HOPS = 10
/**
 * A method of `additionalOperations`: a token of RFC 9110 without the signs that a pattern or a list could
 * misread.
 */
const METHOD = /^[A-Za-z][A-Za-z0-9-]{0,31}$/
/** Fields of a path item that are operations from OpenAPI 3.2 on. */
const SINCE_3_2 = ['query', 'additionalOperations'] as const

/** All operations, each method and path once, in the order of the document. */
export function endpointsOf(reading: OpenApiReading): Endpoint[] {
  const endpoints = pathItems(reading).flatMap(([path, item]) => operationsOf(path, item, reading))
  const distinct = new Map(endpoints.map((each) => [`${each.method} ${each.path}`, each]))
  const silent = [...distinct.values()].filter(({ method }) => !REST_METHODS.has(method))
  if (silent.length > 0)
    reading.warn(
      `${listed(silent.map(({ method, path }) => `${method} ${path}`))}: security servers carry no such method, so these calls are refused (invalid_http_method) whoever has the right`,
    )
  return [...distinct.values()]
}

/** The operations of an item, by the key or method under which they are. */
export function operationKeys(item: Json, minor: number): { key: string; method: string }[] {
  const own = Object.keys(item).map((key) => ({ key, method: key.toUpperCase() }))
  return own.filter(({ method }) => REST_METHODS.has(method) || (minor >= 2 && method === 'QUERY'))
}

/** `paths` without its extensions. Throws what `refuse` makes. */
export function pathItems({ document, refuse }: OpenApiReading): [string, Json][] {
  return Object.entries(asObject(document['paths'] ?? {}, 'paths', refuse))
    .filter(([path]) => !path.startsWith('x-'))
    .map(([path, item]) => [path, asObject(item, `paths ${path.slice(0, 60)}`, refuse)])
}

/** Says which other documents this one refers to: they are neither fetched nor given to clients. */
export function warnOfReferences({ document, warn }: OpenApiReading): void {
  const others = new Set<string>()
  const seen = new Set<object>()
  const left: unknown[] = [document]
  while (left.length > 0) {
    const value = left.pop()
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    const reference = Array.isArray(value) ? undefined : (value as Json)['$ref']
    if (typeof reference === 'string' && !reference.startsWith('#')) others.add(reference)
    for (const inner of Object.values(value)) left.push(inner)
  }
  if (others.size > 0)
    warn(`it refers to other documents, which are not read and not given to clients: ${listed([...others])}`)
}

export function asObject(value: unknown, name: string, refuse: (what: string) => Error): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  throw refuse(`${name} must be an object`)
}

function operationsOf(path: string, given: Json, reading: OpenApiReading): Endpoint[] {
  const { minor, refuse, warn } = reading
  if (!path.startsWith('/') || path.length > MAX_PATH || /[\p{Cc}\p{Cs}]/u.test(path))
    throw refuse(`the path ${path.slice(0, 60)} must begin with / and be plain`)
  const item = withReferred(path, given, reading)
  const methods = operationKeys(item, minor).map(({ method }) => method)
  if (minor < 2) {
    const early = SINCE_3_2.filter((field) => Object.hasOwn(item, field))
    if (early.length > 0) warn(`${early.join(' and ')} of ${path} are read from OpenAPI 3.2 on only`)
  } else methods.push(...additionalMethods(path, item, refuse))
  return methods.map((method) => ({ method, path: patternOf(path) }))
}

/**
 * Methods are case-sensitive, and those with a field of their own may not stand here (OpenAPI 3.2, Path Item
 * Object).
 */
function additionalMethods(path: string, item: Json, refuse: OpenApiReading['refuse']): string[] {
  const at = `additionalOperations of ${path.slice(0, 60)}`
  const methods = Object.keys(asObject(item['additionalOperations'] ?? {}, at, refuse))
  for (const method of methods) {
    if (!METHOD.test(method)) throw refuse(`${at} name a method that is none`)
    if (REST_METHODS.has(method) || method === 'QUERY')
      throw refuse(`${at} name ${method}, which has a field of its own`)
  }
  return methods
}

/** The item with the fields of the one that it refers to inside this document. */
function withReferred(path: string, given: Json, { document, warn }: OpenApiReading): Json {
  let item = given
  let next = given
  const seen = new Set<Json>()
  while (typeof next['$ref'] === 'string') {
    const reference = next['$ref']
    if (seen.has(next) || seen.size >= MAX_HOPS) {
      warn(`the reference of ${path} leads in a circle, or too far: it is not followed`)
      return item
    }
    seen.add(next)
    const found = reference.startsWith('#') ? pointedAt(document, reference.slice(1)) : undefined
    if (typeof found !== 'object' || found === null || Array.isArray(found)) {
      warn(`what ${path} refers to is not in this document: no endpoint is made of it`)
      return item
    }
    next = found as Json
    item = { ...next, ...item }
  }
  return item
}

/** RFC 6901, in a URI fragment. */
export function pointedAt(document: Json, pointer: string): unknown {
  let value: unknown = document
  for (const part of pointer.split('/').slice(1)) {
    const name = unescaped(part)
    if (typeof value !== 'object' || value === null || name === undefined || !Object.hasOwn(value, name))
      return undefined
    value = (value as Json)[name]
  }
  return value
}

function unescaped(part: string): string | undefined {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    return undefined
  }
}

/**
 * A templated path as X-Road's pattern: `{id}` becomes `*`, literal stars are escaped. From a template within
 * a segment (`/a/{id}.json`) on, the rest of the segment becomes `*`, because a pattern's `*` always matches
 * the whole rest of a segment.
 */
function patternOf(path: string): string {
  return path
    .split('/')
    .map((segment) => {
      const at = segment.indexOf('{')
      const fixed = at < 0 ? segment : segment.slice(0, at)
      return fixed.replace(/[*\\]/g, '\\$&') + (at < 0 ? '' : '*')
    })
    .join('/')
}

/** The first few of many. */
function listed(names: string[]): string {
  const shown = names.slice(0, 5).map((name) => name.slice(0, 100))
  return names.length > shown.length
    ? `${shown.join(', ')} and ${names.length - shown.length} more`
    : shown.join(', ')
}
