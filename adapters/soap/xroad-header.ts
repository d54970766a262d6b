/** The headers of X-Road's SOAP protocol (version 4.0), made of those of its REST protocol, for a system that wants them. */
import type { IncomingHttpHeaders } from 'node:http'
import { escapeXml } from '#core/xml/escape.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, parseClientId, type ServiceId } from '#schemas/identifiers.ts'
import { HEADER } from '#schemas/wire.ts'

const XROAD = 'http://x-road.eu/xsd/xroad.xsd'
const IDENTIFIERS = 'http://x-road.eu/xsd/identifiers'
const MAX_LENGTH = 255
const PRINTABLE = /^[\x20-\x7e]*$/

/** The content of soap:Header. Throws `invalid_input` when client or id is missing. */
export function writeXRoadHeader(given: IncomingHttpHeaders, service: ServiceId): string {
  const client = parseClientId(one(given, HEADER.client))
  const texts = [
    ['userId', HEADER.userId],
    ['id', HEADER.id],
    ['issue', HEADER.issue],
  ] as const
  return [
    identifier('client', client.subsystemCode === undefined ? 'MEMBER' : 'SUBSYSTEM', client),
    identifier('service', 'SERVICE', service),
    ...texts.flatMap(([name, header]) => {
      if (given[header] === undefined && name !== 'id') return []
      return [element(name, escapeXml(one(given, header)))]
    }),
    element('protocolVersion', '4.0'),
  ].join('')
}

function element(name: string, content: string): string {
  return `<x:${name} xmlns:x="${XROAD}">${content}</x:${name}>`
}

function identifier(name: string, type: string, id: ClientId | ServiceId): string {
  const parts: [string, string | undefined][] = [
    ['xRoadInstance', id.instance],
    ['memberClass', id.memberClass],
    ['memberCode', id.memberCode],
    ['subsystemCode', id.subsystemCode],
    ['serviceCode', 'serviceCode' in id ? id.serviceCode : undefined],
    ['serviceVersion', 'serviceCode' in id ? id.serviceVersion : undefined],
  ]
  const inner = parts.flatMap(([part, text]) =>
    text === undefined ? [] : [`<i:${part}>${escapeXml(text)}</i:${part}>`],
  )
  return `<x:${name} xmlns:x="${XROAD}" xmlns:i="${IDENTIFIERS}" i:objectType="${type}">${inner.join('')}</x:${name}>`
}

function one(given: IncomingHttpHeaders, name: string): string {
  const value = given[name]
  if (typeof value !== 'string' || value === '' || value.length > 4 * MAX_LENGTH || !PRINTABLE.test(value))
    throw new Fault('invalid_input', { what: `the header ${name} is missing, or no plain text` })
  return value
}
