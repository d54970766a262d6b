/**
 * What a service needs from an OpenAPI 3 document: its title, the server's address, the endpoints as path patterns. Some
 * documents keep the YAML library busy for ever: call it only on the thread of read-openapi.ts.
 */
import { parseDocument, stringify } from 'yaml'
import { Fault } from '#schemas/fault.ts'
import { REST_METHODS } from '#schemas/wire.ts'
import type { NewEndpoint } from './services/store.ts'

export type OpenApiSummary = {
  title: string
  version: string
  serverUrl: string | undefined
  /** The document without the addresses of its servers, in its original syntax (JSON or YAML). */
  published: string
  endpoints: NewEndpoint[]
}

export const MAX_BYTES = 2 * 1024 * 1024
/** Larger than the input because aliases are expanded in JSON. */
const MAX_PUBLISHED_BYTES = 4 * MAX_BYTES
const MAX_ENDPOINTS = 2000
const MAX_ALIASES = 100
const PUBLISHED_SERVER = 'http://example.org/xroad-endpoint'

/** Throws `invalid_input` with what is wrong. */
export function summariseOpenApi(text: string): OpenApiSummary {
  const parsed = parse(text)
  const document = asObject(parsed.value, 'the document')
  const openapi = document['openapi']
  if (typeof openapi !== 'string' || !/^3\.[01]\.\d+$/.test(openapi)) {
    throw refused('version 3.0 or 3.1 of OpenAPI is needed')
  }
  const info = asObject(document['info'], 'info')
  const endpoints = Object.entries(asObject(document['paths'] ?? {}, 'paths')).flatMap(([path, item]) =>
    endpointsOf(path, asObject(item, `paths ${path.slice(0, 60)}`)),
  )
  if (endpoints.length > MAX_ENDPOINTS) throw refused(`it has more than ${MAX_ENDPOINTS} operations`)
  const published = parsed.write(withoutServers(document))
  if (Buffer.byteLength(published) > MAX_PUBLISHED_BYTES) throw refused('its aliases make it too large')
  return {
    title: textOf(info['title']),
    version: textOf(info['version']),
    serverUrl: serverOf(document['servers']),
    published,
    endpoints: distinct(endpoints),
  }
}

function parse(text: string): { value: unknown; write(value: unknown): string } {
  try {
    // Limits aliases, against alias bombs; a repeated key is an error.
    const document = parseDocument(text, { uniqueKeys: true, strict: true, logLevel: 'silent' })
    const error = document.errors[0]
    if (error !== undefined) throw refused(`${error.code} at line ${error.linePos?.[0].line ?? 0}`)
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES })
    const isJson = text.trimStart().startsWith('{')
    return { value, write: (whole) => (isJson ? JSON.stringify(whole, null, 2) : stringify(whole)) }
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw refused('it is neither JSON nor YAML', cause)
  }
}

/** As X-Road: clients reach the service through their own security server and need not know its address. */
function withoutServers(document: Record<string, unknown>): object {
  const paths = Object.entries(asObject(document['paths'] ?? {}, 'paths')).map(([path, item]) => {
    const { servers: _, ...rest } = asObject(item, path)
    const operations = Object.entries(rest).map(([key, operation]) => {
      if (!REST_METHODS.has(key.toUpperCase())) return [key, operation]
      const { servers: _, ...kept } = asObject(operation, `${key} ${path}`)
      return [key, kept]
    })
    return [path, Object.fromEntries(operations)]
  })
  return { ...document, servers: [{ url: PUBLISHED_SERVER }], paths: Object.fromEntries(paths) }
}

function endpointsOf(path: string, item: Record<string, unknown>): NewEndpoint[] {
  if (!path.startsWith('/') || path.length > 500)
    throw refused(`the path ${path.slice(0, 60)} must begin with /`)
  return Object.keys(item)
    .map((key) => key.toUpperCase())
    .filter((method) => REST_METHODS.has(method))
    .map((method) => ({ method, path: patternOf(path) }))
}

/**
 * A templated path as X-Road's pattern: `{id}` becomes `*`, literal stars are escaped. From a template within a segment
 * (`/a/{id}.json`) on, the rest of the segment becomes `*`, because a pattern's `*` always matches the whole rest of a segment.
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

function serverOf(servers: unknown): string | undefined {
  if (!Array.isArray(servers) || servers.length === 0) return undefined
  const first: unknown = servers[0]
  const url = typeof first === 'object' && first !== null ? (first as { url?: unknown }).url : undefined
  return typeof url === 'string' && /^https?:\/\//.test(url) && !url.includes('{') ? url : undefined
}

function distinct(endpoints: NewEndpoint[]): NewEndpoint[] {
  return [...new Map(endpoints.map((each) => [`${each.method} ${each.path}`, each])).values()]
}

function asObject(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>
  }
  throw refused(`${name} must be an object`)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 255) : ''
}

export function refused(what: string, cause?: unknown): Fault {
  return new Fault('invalid_input', { what: `OpenAPI document: ${what}`, cause })
}
