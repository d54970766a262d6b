/**
 * The REST request as it is signed (message protocol for REST, pr-rest): read from a client's HTTP request,
 * printed once, and read back by the provider. X-Road hashes its own print of what it has parsed, so only
 * bytes that survive such a round trip are taken.
 */
import { Fault } from '#schemas/fault.ts'
import {
  type ClientId,
  decodeSegment,
  parseClientId,
  parseServerId,
  parseServiceId,
  type ServerId,
  type ServiceId,
} from '#schemas/identifiers.ts'
import { HEADER, HOP_BY_HOP, REST_METHODS } from '#schemas/wire.ts'
import {
  checkId,
  fieldsOf,
  type HeaderList,
  headerLines,
  isTwin,
  MAX_TARGET_LENGTH,
  messageLines,
  pairHeaders,
  readHeaders,
} from './header-list.ts'
import { checkServicePath } from './service-path.ts'

/** On whose behalf the client asks (third-party representation extension). */
export type RepresentedParty = { memberClass?: string | undefined; memberCode: string }

/** A REST request, every byte of target and headers as it was sent. */
export type RestRequest = {
  method: string
  /** Raw path and query as they stand in the message. */
  target: string
  path: string
  query: string | undefined
  headers: HeaderList
  service: ServiceId
  /**
   * What follows the service code: '' or '/...', raw. Whether an encoded slash may stand in it the service
   * says.
   */
  servicePath: string
  client: ClientId
  id: string | undefined
  requestId: string | undefined
  securityServer: ServerId | undefined
  representedParty: RepresentedParty | undefined
  userId: string | undefined
  issue: string | undefined
}

const FIELDS: ReadonlySet<string> = new Set([
  HEADER.client,
  HEADER.id,
  HEADER.requestId,
  HEADER.securityServer,
  HEADER.representedParty,
  HEADER.userId,
  HEADER.issue,
])
const QUERY = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?[\]]|%[0-9A-Fa-f]{2})*$/

/**
 * The request of an information system, from Node's raw method, url and headers. Hop-by-hop headers and any
 * x-road-request-id or -hash of the client are dropped; all else is kept as it came. Throws client faults.
 */
export function readClientRequest(q: { method: string; url: string; rawHeaders: string[] }): RestRequest {
  const dropped = (name: string): boolean =>
    HOP_BY_HOP.has(name) || name === HEADER.requestId || name === HEADER.requestHash
  return interpret(q.method, q.url, pairHeaders(q.rawHeaders, dropped))
}

/** Message bytes: method, target and headers a line each, no blank line (RestRequest.java, toByteArray). */
export function writeRestRequest(q: { method: string; target: string; headers: HeaderList }): Buffer {
  return Buffer.from(`${q.method}\r\n${q.target}\r\n${headerLines(q.headers)}`, 'utf8')
}

/**
 * Reads the message bytes of a signed part: exactly those that X-Road's parse and print would leave
 * unchanged. Hop-by-hop headers, repeated X-Road headers and paths with two meanings are faults, as is the
 * absence of ids.
 */
export function parseRestRequest(bytes: Buffer): RestRequest {
  const lines = messageLines(bytes)
  const headers = readHeaders(lines, 2, (lower) => HOP_BY_HOP.has(lower) || isTwin(lower))
  // X-Road finds this one header by its exact lower-case name.
  if (headers.some(([name]) => name !== HEADER.requestId && name.toLowerCase() === HEADER.requestId)) {
    throw new Fault('invalid_message', { what: `${HEADER.requestId} is not in lower case` })
  }
  const request = interpret(lines[0] as string, lines[1] as string, headers)
  if (request.requestId === undefined) throw new Fault('missing_header', { what: HEADER.requestId })
  if (request.id === undefined) throw new Fault('missing_header', { what: HEADER.id })
  return request
}

/**
 * The request with its ids, and the bytes to sign: x-road-request-id, then x-road-id when the client gave
 * none.
 */
export function withIds(
  request: RestRequest,
  ids: { requestId: string; generatedId?: string | undefined },
): { request: RestRequest; bytes: Buffer } {
  const id = request.id ?? ids.generatedId
  if (id === undefined) throw new TypeError('a request without id needs a generated one')
  const headers: HeaderList = [...request.headers, [HEADER.requestId, ids.requestId]]
  if (request.id === undefined) headers.push([HEADER.id, id])
  const full = { ...request, headers, id, requestId: ids.requestId }
  return { request: full, bytes: writeRestRequest(full) }
}

function interpret(method: string, target: string, headers: HeaderList): RestRequest {
  if (!REST_METHODS.has(method)) throw new Fault('invalid_http_method')
  const place = readTarget(target)
  const fields = fieldsOf(headers, FIELDS)
  const client = fields.get(HEADER.client)
  if (client === undefined) throw new Fault('missing_header', { what: 'X-Road-Client' })
  const server = fields.get(HEADER.securityServer)
  const party = fields.get(HEADER.representedParty)
  return {
    method,
    target,
    ...place,
    headers,
    client: parseClientId(client),
    id: idOf(fields, HEADER.id),
    requestId: idOf(fields, HEADER.requestId),
    securityServer: server === undefined ? undefined : parseServerId(server),
    representedParty: party === undefined ? undefined : parseRepresentedParty(party),
    userId: fields.get(HEADER.userId),
    issue: fields.get(HEADER.issue),
  }
}

function idOf(fields: Map<string, string>, name: string): string | undefined {
  const id = fields.get(name)
  return id === undefined ? undefined : checkId(id, name, 'invalid_header')
}

/**
 * `/r1/instance/class/member/subsystem/service[/path][?query]`: five segments always, though the document
 * says four will do.
 */
function readTarget(target: string): Pick<RestRequest, 'path' | 'query' | 'service' | 'servicePath'> {
  if (target.length > MAX_TARGET_LENGTH) {
    throw new Fault('headers_too_large', { what: `the target is over ${MAX_TARGET_LENGTH} characters` })
  }
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const query = mark < 0 ? undefined : target.slice(mark + 1)
  if (query !== undefined && !QUERY.test(query)) {
    throw new Fault('invalid_request', { what: 'a character of the query has to be percent-encoded' })
  }
  const parts = path.split('/')
  if (parts[0] !== '' || parts[1] !== 'r1' || parts.length < 7) {
    throw new Fault('invalid_request', { what: 'the path is not /r1/ and five segments that name a service' })
  }
  const service = parseServiceId(parts.slice(2, 7).join('/'))
  const servicePath = parts.length === 7 ? '' : `/${parts.slice(7).join('/')}`
  checkServicePath(servicePath, { allowEncodedSlash: true })
  return {
    path,
    query,
    service,
    servicePath,
  }
}

/** Reads "[CLASS/]CODE". Throws `invalid_client_identifier`. */
export function parseRepresentedParty(text: string): RepresentedParty {
  const parts = text.split('/')
  if (parts.length > 2) {
    throw new Fault('invalid_client_identifier', { what: 'X-Road-Represented-Party is not [class/]code' })
  }
  const [first, second] = parts.map(decodeSegment) as [string, string?]
  return second === undefined ? { memberCode: first } : { memberClass: first, memberCode: second }
}
