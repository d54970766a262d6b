/**
 * The REST response as it is signed (pr-rest), bound to its request by ids and by the hash of what was asked.
 */
import { hash } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, parseClientId, parseServiceId, type ServiceId } from '#schemas/identifiers.ts'
import { HEADER, HOP_BY_HOP } from '#schemas/wire.ts'
import {
  checkId,
  connectionListed,
  fieldsOf,
  type HeaderList,
  headerLines,
  isOfServers,
  messageLines,
  readHeaders,
  valueText,
} from './header-list.ts'
import type { RestRequest } from './rest-request.ts'

/** A REST response; `headers` still holds the five that bind it to its request. */
type RestResponse = {
  status: number
  reason: string
  headers: HeaderList
  client: ClientId
  service: ServiceId
  id: string
  requestId: string
  /** Base64 of SHA-512, see requestHash. */
  requestHash: string
}

const FIELDS: ReadonlySet<string> = new Set([
  HEADER.id,
  HEADER.client,
  HEADER.service,
  HEADER.requestId,
  HEADER.requestHash,
])
const STATUS = /^[2-5][0-9]{2}$/
const HASH = /^[A-Za-z0-9+/]{27,86}={0,2}$/

/**
 * Message bytes of the answer: the back end's status, reason and headers without hop-by-hop ones, without
 * those of security servers and without those five that are ours to write, then the five. A reason that is
 * not printable ASCII is left out: it means nothing.
 */
export function writeRestResponse(q: {
  status: number
  reason: string
  headers: HeaderList
  request: Pick<RestRequest, 'client' | 'service' | 'id'>
  requestId: string
  requestHash: string
}): Buffer {
  const { client, service, id } = q.request
  if (id === undefined || !STATUS.test(String(q.status)))
    throw new TypeError('a response needs id and status')
  const listed = connectionListed(q.headers)
  const kept = q.headers.filter(([name]) => {
    const lower = name.toLowerCase()
    return !HOP_BY_HOP.has(lower) && !FIELDS.has(lower) && !listed.has(lower) && !isOfServers(lower)
  })
  const lines = headerLines([
    ...kept.map(([name, value]): [string, string] => [name, valueText(value)]),
    [HEADER.id, id],
    [HEADER.client, idText(client)],
    [HEADER.service, idText(service)],
    [HEADER.requestId, q.requestId],
    [HEADER.requestHash, q.requestHash],
  ])
  const reason = /^[\x20-\x7e]*$/.test(q.reason) ? q.reason : ''
  return Buffer.from(`${q.status}\r\n${reason}\r\n${lines}`, 'utf8')
}

/**
 * Reads the message bytes of a signed response part as strictly as parseRestRequest; all five binding
 * headers, once each.
 */
export function parseRestResponse(bytes: Buffer): RestResponse {
  const lines = messageLines(bytes)
  const status = lines[0] as string
  if (!STATUS.test(status)) throw new Fault('invalid_message', { what: 'the status is not 200 to 599' })
  const headers = readHeaders(lines, 2, (lower) => HOP_BY_HOP.has(lower))
  const fields = fieldsOf(headers, FIELDS)
  const required = (name: string): string => {
    const value = fields.get(name)
    if (value === undefined) throw new Fault('missing_header', { what: name })
    return value
  }
  const requestHash = required(HEADER.requestHash)
  if (!HASH.test(requestHash)) throw new Fault('invalid_header', { what: HEADER.requestHash })
  return {
    status: Number(status),
    reason: lines[1] as string,
    headers,
    client: parseClientId(required(HEADER.client)),
    service: parseServiceId(required(HEADER.service)),
    id: checkId(required(HEADER.id), HEADER.id, 'invalid_header'),
    requestId: checkId(required(HEADER.requestId), HEADER.requestId, 'invalid_header'),
    requestHash,
  }
}

/**
 * X-Road-Request-Hash of a request: base64 of its message digest, or, when it had a body part, of the SHA-512
 * over message digest and body digest. Both digests are SHA-512 of raw part bytes.
 */
export function requestHash(q: { message: Buffer; body: Buffer | undefined }): string {
  if (q.body === undefined) return q.message.toString('base64')
  return hash('sha512', Buffer.concat([q.message, q.body]), 'base64')
}
