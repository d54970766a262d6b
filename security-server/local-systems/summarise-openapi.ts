/**
 * What a service needs from an OpenAPI 3 document: its title, the server's address, the endpoints as path
 * patterns. Some documents keep the YAML library busy for ever: call it only on the thread of
 * read-openapi.ts.
 */
import {
  asObject,
  endpointsOf,
  type OpenApiReading,
  operationKeys,
  pathItems,
  warnOfReferences,
} from '#core/openapi/openapi-operations.ts'
import { MAX_BYTES, parse, refused, versionOf } from '#core/openapi/read-document.ts'
import { say } from '#schemas/said.ts'
import type { NewEndpoint } from './services/store.ts'

export type OpenApiSummary = {
  /** The version of OpenAPI. */
  openapi: string
  title: string
  version: string
  serverUrl: string | undefined
  /** The document without the addresses of its servers, in its original syntax (JSON or YAML). */
  published: string
  endpoints: NewEndpoint[]
  /** What the document says and no endpoint can. */
  warnings: string[]
}

/** Larger than the input because aliases are expanded in JSON. */
const MAX_PUBLISHED_BYTES = 4 * MAX_BYTES
const MAX_ENDPOINTS = 2000
const MAX_WARNINGS = 20
/** Longer than any address that is accepted. */
const MAX_URL = 3000
const PUBLISHED_SERVER = 'http://example.org/xroad-endpoint'

/** Throws `invalid_input` with what is wrong. */
export function summariseOpenApi(text: string): OpenApiSummary {
  const parsed = parse(text)
  const document = asObject(parsed.value, 'the document', refused)
  const { openapi, minor } = versionOf(document)
  const warnings = new Set<string>()
  const warn = (what: string): void => {
    if (warnings.size < MAX_WARNINGS) warnings.add(what.toWellFormed())
  }
  const reading: OpenApiReading = { document, minor, refuse: refused, warn }
  const info = asObject(document['info'], 'info', refused)
  const endpoints = endpointsOf(reading)
  if (endpoints.length > MAX_ENDPOINTS) throw refused(say`it has more than ${MAX_ENDPOINTS} operations`)
  warnOfReferences(reading)
  const published = parsed.write(withoutServers(reading))
  if (Buffer.byteLength(published) > MAX_PUBLISHED_BYTES) throw refused(say`its aliases make it too large`)
  return {
    openapi,
    title: textOf(info['title']),
    version: textOf(info['version']),
    serverUrl: serverOf(document['servers']),
    published,
    endpoints,
    warnings: [...warnings],
  }
}

/**
 * As X-Road: clients reach the service through their own security server and need not know its address. So
 * the address from which the document names itself (`$self` of OpenAPI 3.2) goes too.
 */
function withoutServers(reading: OpenApiReading): object {
  const { $self, ...document } = reading.document
  const kept = typeof $self === 'string' && !/^https?:/i.test($self) ? { $self } : {}
  if (typeof $self === 'string' && !('$self' in kept)) reading.warn('clients do not get its $self')
  const paths = pathItems(reading).map(([path, item]) => [path, itemWithoutServers(item, reading)])
  const extensions = Object.entries((document['paths'] ?? {}) as object).filter(([name]) =>
    name.startsWith('x-'),
  )
  const { components } = document
  return {
    ...document,
    ...kept,
    servers: [{ url: PUBLISHED_SERVER }],
    paths: Object.fromEntries([...paths, ...extensions]),
    ...(components !== undefined && { components: componentsWithoutServers(components, reading) }),
  }
}

function componentsWithoutServers(given: unknown, reading: OpenApiReading): unknown {
  const components = asObject(given ?? {}, 'components', refused)
  if (components['pathItems'] === undefined) return given
  const items = asObject(components['pathItems'], 'components pathItems', refused)
  const pathItems = Object.entries(items).map(([name, item]) => [
    name,
    itemWithoutServers(asObject(item, 'a path item', refused), reading),
  ])
  return { ...components, pathItems: Object.fromEntries(pathItems) }
}

function itemWithoutServers(
  { servers: _, ...item }: Record<string, unknown>,
  { minor }: OpenApiReading,
): object {
  const without = (operation: unknown): object => {
    const { servers: _, ...kept } = asObject(operation, 'an operation', refused)
    return kept
  }
  const operations = operationKeys(item, minor).map(({ key }) => [key, without(item[key])])
  const more = minor >= 2 ? item['additionalOperations'] : undefined
  return {
    ...item,
    ...Object.fromEntries(operations),
    ...(more !== undefined && {
      additionalOperations: Object.fromEntries(
        Object.entries(asObject(more, 'additionalOperations', refused)).map(([key, one]) => [
          key,
          without(one),
        ]),
      ),
    }),
  }
}

function serverOf(servers: unknown): string | undefined {
  if (!Array.isArray(servers) || servers.length === 0) return undefined
  const first: unknown = servers[0]
  const url = typeof first === 'object' && first !== null ? (first as { url?: unknown }).url : undefined
  return typeof url === 'string' && /^https?:\/\//.test(url) && !url.includes('{')
    ? url.slice(0, MAX_URL).toWellFormed()
    : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 255).toWellFormed() : ''
}
