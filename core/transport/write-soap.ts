/** SOAP messages that are written here: answers of metadata services, and requests of our own systems. */
import { escapeXml } from '#core/xml/escape.ts'
import type { ClientId, ServiceId } from '#schemas/identifiers.ts'
import type { RepresentedParty } from './rest-request.ts'

type SoapFields = {
  client: ClientId
  service: ClientId & { serviceCode: string; serviceVersion?: string | undefined }
  id: string
  userId?: string | undefined
  issue?: string | undefined
  representedParty?: RepresentedParty | undefined
  protocolVersion?: string
}

const NAMESPACES =
  'xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"' +
  ' xmlns:xrd="http://x-road.eu/xsd/xroad.xsd" xmlns:id="http://x-road.eu/xsd/identifiers"' +
  ' xmlns:rep="http://x-road.eu/xsd/representation.xsd"'

/** A message with these header fields; `content`, already XML, is the one element of its body. */
export function writeSoap(fields: SoapFields, content: string): string {
  return (
    `<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope ${NAMESPACES}><SOAP-ENV:Header>${headerFields(fields)}` +
    `</SOAP-ENV:Header><SOAP-ENV:Body>${content}</SOAP-ENV:Body></SOAP-ENV:Envelope>`
  )
}

/** A header with these fields that may stand in any envelope: it declares its own names. */
export function writeSoapHeader(fields: SoapFields): string {
  return `<SOAP-ENV:Header ${NAMESPACES}>${headerFields(fields)}</SOAP-ENV:Header>`
}

function headerFields(fields: SoapFields): string {
  const { client, service, id, userId, issue, protocolVersion = '4.0', representedParty } = fields
  return (
    `${soapIdentifier('client', client)}${soapIdentifier('service', service)}${party(representedParty)}` +
    `${element('xrd:userId', userId)}${element('xrd:issue', issue)}${element('xrd:id', id)}` +
    element('xrd:protocolVersion', protocolVersion)
  )
}

/** An identifier as headers and listMethods have it. */
export function soapIdentifier(name: 'client' | 'service', id: ClientId | SoapFields['service']): string {
  const type = name === 'service' ? 'SERVICE' : id.subsystemCode === undefined ? 'MEMBER' : 'SUBSYSTEM'
  return `<xrd:${name} id:objectType="${type}">${identifierCodes(id)}</xrd:${name}>`
}

/** What stands inside the element of an identifier. */
export function identifierCodes(id: ClientId | SoapFields['service']): string {
  const { instance, memberClass, memberCode, subsystemCode, serviceCode, serviceVersion } =
    id as Partial<ServiceId>
  const codes = {
    ...{ xRoadInstance: instance, memberClass, memberCode },
    ...{ subsystemCode, serviceCode, serviceVersion },
  }
  return Object.entries(codes)
    .map(([part, code]) => element(`id:${part}`, code))
    .join('')
}

function party(represented: RepresentedParty | undefined): string {
  if (represented === undefined) return ''
  const { memberClass, memberCode } = represented
  const parts = `${element('rep:partyClass', memberClass)}${element('rep:partyCode', memberCode)}`
  return `<rep:representedParty>${parts}</rep:representedParty>`
}

/** '' for an absent value. */
function element(name: string, text: string | undefined): string {
  return text === undefined ? '' : `<${name}>${escapeXml(text)}</${name}>`
}
