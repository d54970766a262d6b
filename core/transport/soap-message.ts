/**
 * X-Road's SOAP messages (message protocol for SOAP 4.0, pr-mess): who asks whom for what, read from the
 * header, with X-Road's verdicts (SaxSoapParserImpl.java). The bytes are never printed again; the XML library
 * is loaded on first use.
 */
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, parseClientId, parseServiceId, type ServerId } from '#schemas/identifiers.ts'
import { checkId } from './header-list.ts'
import type { RepresentedParty } from './rest-request.ts'
import { type SoapElement, withSoapDocument } from './soap-document.ts'
import {
  byName,
  namesIn,
  REPRESENTATION,
  readClient,
  readParty,
  readServer,
  readService,
  type SoapService,
  type WantedNames,
} from './soap-identifiers.ts'

export type { SoapService } from './soap-identifiers.ts'

export type SoapMessage = {
  client: ClientId
  service: SoapService
  id: string
  userId: string | undefined
  issue: string | undefined
  protocolVersion: string
  securityServer: ServerId | undefined
  representedParty: RepresentedParty | undefined
  /**
   * Whether a header of that name stands in another namespace or case, where systems that do not look may
   * take it for one.
   */
  hasOtherParty: boolean
  requestHash: { algorithmId: string | undefined; value: string } | undefined
  /**
   * Ours: the reference of the preview that the person has released for this call. Absent where there is
   * none.
   */
  previewReference?: string
  /** The local name of the body's element. */
  element: string
  /** Whether the body's element is named after the service and `Response`. */
  isResponse: boolean
}

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const XROAD = 'http://x-road.eu/xsd/xroad.xsd'

const PREVIEW = 'urn:concordat:preview:1'

const FIELDS: WantedNames = new Map([
  ...namesIn(XROAD, ['id', 'userId', 'issue', 'protocolVersion']),
  ...namesIn(XROAD, ['client', 'service', 'securityServer', 'requestHash']),
  ['representedParty', REPRESENTATION],
  ['previewReference', PREVIEW],
])

/**
 * Reads a SOAP request or response. A SOAP fault is thrown as the `peer_fault` that it is; other faults are
 * those of X-Road: invalid_soap, missing_header, missing_header_field, duplicate_header_field, invalid_xml
 * (objectType), invalid_protocol_version, missing_body, invalid_body, inconsistent_headers.
 */
export function parseSoapMessage(bytes: Buffer): Promise<SoapMessage> {
  return withSoapDocument(bytes, readEnvelope)
}

function readEnvelope(envelope: SoapElement): SoapMessage {
  if (!isSoap(envelope, 'Envelope')) throw invalid('the envelope is missing')
  const [first, second, ...more] = envelope.children()
  const header = first !== undefined && isSoap(first, 'Header') ? first : undefined
  const body = header === undefined ? first : second
  if ((header === undefined && second !== undefined) || more.length > 0) {
    throw invalid('the envelope holds more than a header and a body')
  }
  if (body !== undefined && !isSoap(body, 'Body'))
    throw invalid('the envelope holds something else than a body')

  const fields = header === undefined ? undefined : readFields(header)
  const content = body?.children() ?? []
  const fault = content.find((child) => isSoap(child, 'Fault'))
  if (fault !== undefined && content.length === 1) throw Fault.fromPeer(readFault(fault))

  if (content.length > 1) throw invalidBody()
  if (fields === undefined) throw new Fault('missing_header', { what: 'the SOAP header' })
  for (const name of ['protocolVersion', 'client', 'id', 'service'] as const) {
    if (fields[name] === undefined) throw new Fault('missing_header_field', { what: name })
  }
  if (body === undefined) throw new Fault('missing_body')
  const [wrapper] = content
  if (wrapper === undefined) throw invalidBody()
  const { serviceCode } = fields.service as SoapService
  if (!wrapper.name.startsWith(serviceCode)) {
    throw new Fault('inconsistent_headers', { what: 'the service code differs in header and body' })
  }
  const isResponse = wrapper.name !== serviceCode && wrapper.name.endsWith('Response')
  return { ...(fields as Omit<SoapMessage, 'element' | 'isResponse'>), element: wrapper.name, isResponse }
}

function readFields(header: SoapElement): Partial<SoapMessage> {
  const found = byName(header, FIELDS)
  const text = (name: string): string | undefined => found.get(name)?.text()
  const version = text('protocolVersion')
  if (version !== undefined && !version.startsWith('4.')) throw new Fault('invalid_protocol_version')
  const hash = found.get('requestHash')
  const id = text('id') || undefined
  const previewReference = text('previewReference')?.trim()
  return {
    protocolVersion: version,
    client: mapped(found.get('client'), (element) => knownClient(readClient(element))),
    service: mapped(found.get('service'), (element) => knownService(readService(element))),
    id: id === undefined ? undefined : checkId(id, 'id', 'invalid_soap'),
    userId: text('userId'),
    issue: text('issue'),
    securityServer: mapped(found.get('securityServer'), readServer),
    representedParty: mapped(found.get('representedParty'), readParty),
    hasOtherParty: header
      .children()
      .some(
        ({ name, namespace }) =>
          /^representedParty$/i.test(name) && (name !== 'representedParty' || namespace !== REPRESENTATION),
      ),
    requestHash: mapped(hash, (element) => ({
      algorithmId: element.attribute('algorithmId'),
      value: element.text(),
    })),
    ...(previewReference !== undefined && { previewReference }),
  }
}

/**
 * One object for each client, as parsing gives it: what is made of it once, as its text, is made for all
 * messages that name it.
 */
function knownClient(client: ClientId): ClientId {
  return parseClientId(idText(client))
}

/** The same. A service of a member has a text that one of a subsystem may have too. */
function knownService(service: SoapService): SoapService {
  return service.subsystemCode === undefined ? service : parseServiceId(idText(service))
}

function readFault(fault: SoapElement): { type: string; message: string; detail: string } {
  const child = (parent: SoapElement, name: string): SoapElement | undefined =>
    parent.children().find((element) => element.name === name)
  const type = child(fault, 'faultcode')?.text().trim() ?? ''
  if (!/^[\x21-\x7e]{1,255}$/.test(type)) throw invalid('the fault has no printable code')
  const detail = child(fault, 'detail')
  const inDetail = detail === undefined ? undefined : child(detail, 'faultDetail')
  const text = inDetail?.text() ?? (detail?.children().length === 0 ? detail.text() : '')
  return { type, message: child(fault, 'faultstring')?.text() ?? '', detail: text.trim().slice(0, 4_096) }
}

function isSoap(element: SoapElement, name: string): boolean {
  return element.namespace === SOAP && element.name === name
}

function mapped<T>(element: SoapElement | undefined, read: (element: SoapElement) => T): T | undefined {
  return element === undefined ? undefined : read(element)
}

function invalid(what: string): Fault {
  return new Fault('invalid_soap', { what })
}

function invalidBody(): Fault {
  return new Fault('invalid_body', { what: 'it must have exactly one child element' })
}
