/**
 * The SOAP document of a call: X-Road's headers around the caller's element. Guarantees that the element is
 * one and ends where it should, that it is called after the service, and that no argument leaves its place.
 */
import { ExchangeError } from './exchange-error.ts'
import { codesOf, readIdentifier } from './identifiers.ts'
import type { ExchangeOptions } from './request-headers.ts'
import { scanXml } from './scan-xml.ts'

export const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
export const XROAD = 'http://x-road.eu/xsd/xroad.xsd'
export const IDENTIFIERS = 'http://x-road.eu/xsd/identifiers'
const REPRESENTATION = 'http://x-road.eu/xsd/representation.xsd'

const PREVIEW = 'urn:concordat:preview:1'

type Fields = Pick<ExchangeOptions, 'userId' | 'issue' | 'representedParty' | 'securityServer'> & {
  previewReference?: string
}

/**
 * A secret and the identifier of a server: 43 characters, and four codes of 255, of which a character can
 * take nine when it is encoded.
 */
const REFERENCE = /^[!-~]{1,9227}$/

/** XML 1.0 section 2.2, and line breaks, which no field has. */
const PLAIN = /^[\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]{1,1000}$/u
const CLIENT = ['xRoadInstance', 'memberClass', 'memberCode', 'subsystemCode']
const SERVICE = [...CLIENT, 'serviceCode', 'serviceVersion']
const SERVER = ['xRoadInstance', 'memberClass', 'memberCode', 'serverCode']

/**
 * `client` and `service` are texts of identifiers. Prefixes are those of X-Road's examples, and there is no
 * declaration: some systems of providers know no other prefixes, and take no declaration. Throws
 * `invalid_argument`.
 */
export function soapDocument(q: {
  client: string
  service: string
  id: string
  fields: Fields
  content: string
}): Uint8Array {
  const { client, service, id, fields, content } = q
  checkContent(content, codesOf(service)[4]!)
  const { userId, issue, representedParty, securityServer, previewReference } = fields
  const server =
    securityServer === undefined
      ? ''
      : identifier('securityServer', 'SERVER', SERVER, readIdentifier('securityServer', securityServer, 4))
  const type = codesOf(client).length === 3 ? 'MEMBER' : 'SUBSYSTEM'
  return new TextEncoder().encode(
    `<soapenv:Envelope xmlns:soapenv="${SOAP}" xmlns:xro="${XROAD}" xmlns:iden="${IDENTIFIERS}"><soapenv:Header>` +
      identifier('client', type, CLIENT, client) +
      identifier('service', 'SERVICE', SERVICE, service) +
      server +
      party(representedParty) +
      preview(previewReference) +
      `${field('userId', userId)}${field('issue', issue)}${field('id', id)}${field('protocolVersion', '4.0')}` +
      `</soapenv:Header><soapenv:Body>${content}</soapenv:Body></soapenv:Envelope>`,
  )
}

/** Concordat's own field: an X-Road server passes it on. */
function preview(reference: string | undefined): string {
  if (reference === undefined) return ''
  if (!REFERENCE.test(reference)) throw refused('previewReference is none')
  return `<previewReference xmlns="${PREVIEW}">${escapeXml(reference)}</previewReference>`
}

function checkContent(content: string, serviceCode: string): void {
  if (typeof content !== 'string' || !content.isWellFormed()) throw refused('the content is no text')
  const root = scanXml(content, true)
  if (typeof root === 'string') throw refused(`the content is not one XML element: ${root}`)
  if (!root.name.startsWith(serviceCode))
    throw refused('the element of the content is not called after the service, as X-Road wants it')
}

function identifier(name: string, type: string, parts: readonly string[], text: string): string {
  const codes = codesOf(text)
  const inner = codes.map((code, at) => `<iden:${parts[at]}>${escapeXml(code)}</iden:${parts[at]}>`)
  return `<xro:${name} iden:objectType="${type}">${inner.join('')}</xro:${name}>`
}

function party(text: string | undefined): string {
  if (text === undefined) return ''
  const codes = codesOf(readIdentifier('representedParty', text, 1, 2))
  const [partyClass, partyCode = ''] = codes.length === 1 ? [undefined, codes[0]] : codes
  const classOf = partyClass === undefined ? '' : `<r:partyClass>${escapeXml(partyClass)}</r:partyClass>`
  return `<r:representedParty xmlns:r="${REPRESENTATION}">${classOf}<r:partyCode>${escapeXml(partyCode)}</r:partyCode></r:representedParty>`
}

function field(name: string, value: string | undefined): string {
  if (value === undefined) return ''
  if (typeof value !== 'string' || !PLAIN.test(value) || value.trim() !== value)
    throw refused(`${name} is no plain text`)
  return `<xro:${name}>${escapeXml(value)}</xro:${name}>`
}

function escapeXml(text: string): string {
  return text.replace(/[&<>]/g, (mark) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[mark]!)
}

function refused(what: string): ExchangeError {
  return new ExchangeError('invalid_argument', { what })
}
