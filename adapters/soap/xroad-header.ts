/**
 * The headers of X-Road's SOAP protocol (version 4.0), made of those of its REST protocol, for a system that
 * wants them.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { parseRepresentedParty } from '#core/transport/rest-request.ts'
import { escapeXml } from '#core/xml/escape.ts'
import { Fault } from '#schemas/fault.ts'
import {
  type ClientId,
  idText,
  parseClientId,
  parseServerId,
  type ServerId,
  type ServiceId,
} from '#schemas/identifiers.ts'
import { HEADER } from '#schemas/wire.ts'

const XROAD = 'http://x-road.eu/xsd/xroad.xsd'
const IDENTIFIERS = 'http://x-road.eu/xsd/identifiers'
const REPRESENTATION = 'http://x-road.eu/xsd/representation.xsd'
const MAX_LENGTH = 255
const PRINTABLE = /^[\x20-\x7e]*$/

/** Who asks, and the id of the exchange: what its answer has to name again. */
export type Asked = { client: string; service: string; id: string }

/**
 * The content of soap:Header. With `clients` the client is one of them, and the only one need not be named;
 * an id that is absent is made, as REST has it. Throws `invalid_input` for a client that is missing and
 * values that are none, `unknown_member`.
 */
export function writeXRoadHeader(
  given: IncomingHttpHeaders,
  service: ServiceId,
  clients?: readonly string[],
): { header: string; asked: Asked } {
  const only = clients?.length === 1 ? clients[0] : undefined
  const client = parseClientId(
    only !== undefined && given[HEADER.client] === undefined ? only : one(given, HEADER.client),
  )
  if (clients?.includes(idText(client)) === false) throw new Fault('unknown_member', { what: idText(client) })
  const id = optional(given, HEADER.id) ?? `${client.instance}-${randomUUID()}`
  const server = optional(given, HEADER.securityServer)
  const header = [
    identifier('client', client.subsystemCode === undefined ? 'MEMBER' : 'SUBSYSTEM', client),
    identifier('service', 'SERVICE', service),
    server === undefined ? '' : identifier('securityServer', 'SERVER', parseServerId(server)),
    party(optional(given, HEADER.representedParty)),
    text('userId', optional(given, HEADER.userId)),
    text('id', id),
    text('issue', optional(given, HEADER.issue)),
    text('protocolVersion', '4.0'),
  ].join('')
  return { header, asked: { client: idText(client), service: idText(service), id } }
}

function text(name: string, value: string | undefined): string {
  return value === undefined ? '' : element(name, escapeXml(value))
}

/** On whose behalf the client asks: lost, it would ask for itself. */
function party(given: string | undefined): string {
  if (given === undefined) return ''
  const { memberClass, memberCode } = parseRepresentedParty(given)
  const part = (name: string, code: string | undefined): string =>
    code === undefined ? '' : `<r:${name}>${escapeXml(code)}</r:${name}>`
  const parts = part('partyClass', memberClass) + part('partyCode', memberCode)
  return `<r:representedParty xmlns:r="${REPRESENTATION}">${parts}</r:representedParty>`
}

function element(name: string, content: string): string {
  return `<x:${name} xmlns:x="${XROAD}">${content}</x:${name}>`
}

function identifier(name: string, type: string, id: ClientId | ServiceId | ServerId): string {
  const parts: [string, string | undefined][] = [
    ['xRoadInstance', id.instance],
    ['memberClass', id.memberClass],
    ['memberCode', id.memberCode],
    ['subsystemCode', 'serverCode' in id ? undefined : id.subsystemCode],
    ['serverCode', 'serverCode' in id ? id.serverCode : undefined],
    ['serviceCode', 'serviceCode' in id ? id.serviceCode : undefined],
    ['serviceVersion', 'serviceCode' in id ? id.serviceVersion : undefined],
  ]
  const inner = parts.flatMap(([part, text]) =>
    text === undefined ? [] : [`<i:${part}>${escapeXml(text)}</i:${part}>`],
  )
  return `<x:${name} xmlns:x="${XROAD}" xmlns:i="${IDENTIFIERS}" i:objectType="${type}">${inner.join('')}</x:${name}>`
}

function optional(given: IncomingHttpHeaders, name: string): string | undefined {
  return given[name] === undefined ? undefined : one(given, name)
}

function one(given: IncomingHttpHeaders, name: string): string {
  const value = given[name]
  if (typeof value !== 'string' || value === '' || value.length > 4 * MAX_LENGTH || !PRINTABLE.test(value))
    throw new Fault('invalid_input', { what: `the header ${name} is missing, or no plain text` })
  return value
}
