/** The SOAP of authCertReg: what a request says, and the answer with the number that it got (pr-mserv; wire 7.1); pure. */
import {
  branch,
  IDENTIFIERS_NAMESPACE,
  indented,
  type Lines,
  leaf,
  XROAD_NAMESPACE,
} from '#core/configuration/xml-write.ts'
import { type SoapElement, withSoapDocument } from '#core/transport/soap-document.ts'
import { readServer } from '#core/transport/soap-identifiers.ts'
import { parseSoapMessage, type SoapMessage } from '#core/transport/soap-message.ts'
import { Fault } from '#schemas/fault.ts'
import type { ClientId, ServerId } from '#schemas/identifiers.ts'

export type AuthCertReg = {
  header: SoapMessage
  server: ServerId
  address: string
  /** Base64 without white space. */
  certificate: string
  /** X-Road 7.8: judge, but change nothing. */
  dryRun: boolean
}

const SERVICE = 'authCertReg'
const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'

/** Throws as parseSoapMessage does; `invalid_body` for another content. */
export async function parseAuthCertReg(soap: Buffer): Promise<AuthCertReg> {
  const header = await parseSoapMessage(soap)
  if (header.service.serviceCode !== SERVICE || header.isResponse)
    throw new Fault('unknown_service', { what: 'only authCertReg is taken here' })
  const body = await withSoapDocument(soap, (envelope) => readBody(envelope))
  return { header, ...body }
}

function readBody(envelope: SoapElement): Omit<AuthCertReg, 'header'> {
  const request = envelope.children().at(-1)?.children()[0]
  if (request === undefined || request.name !== SERVICE || request.namespace !== XROAD_NAMESPACE)
    throw invalid('its element is not authCertReg')
  const fields = new Map<string, SoapElement>()
  for (const child of request.children()) {
    if (child.namespace !== XROAD_NAMESPACE || fields.has(child.name))
      throw invalid('an element is repeated or of another namespace')
    fields.set(child.name, child)
  }
  const [server, address, certificate, dryRun] = ['server', 'address', 'authCert', 'dryRun'].map((name) => {
    const field = fields.get(name)
    fields.delete(name)
    return field
  })
  if (server === undefined || address === undefined || certificate === undefined || fields.size > 0)
    throw invalid('server, address and authCert are needed, dryRun may stand beside them')
  const flag = dryRun?.text().trim() ?? 'false'
  if (!/^(?:true|false|0|1)$/.test(flag)) throw invalid('dryRun is neither true nor false')
  return {
    server: readServer(server),
    address: address.text(),
    certificate: certificate.text().replace(/[ \t\r\n]+/g, ''),
    dryRun: flag === 'true' || flag === '1',
  }
}

/** The answer as X-Road's central server gives it: the request's header and body, and its number; none for a dry run. */
export function writeAuthCertRegResponse(request: AuthCertReg, number: number | undefined): Buffer {
  const { header, server, address, certificate } = request
  const { client, service } = header
  const envelope = branch(
    'SOAP-ENV:Envelope',
    [
      ...branch('SOAP-ENV:Header', [
        ...identifier('xroad:client', client.subsystemCode === undefined ? 'MEMBER' : 'SUBSYSTEM', client),
        ...identifier('xroad:service', 'SERVICE', service),
        ...leaf('xroad:userId', header.userId),
        ...leaf('xroad:issue', header.issue),
        ...leaf('xroad:id', header.id),
        ...leaf('xroad:protocolVersion', header.protocolVersion),
      ]),
      ...branch('SOAP-ENV:Body', [
        ...branch('xroad:authCertRegResponse', [
          ...identifier('xroad:server', 'SERVER', server),
          ...leaf('xroad:address', address),
          ...leaf('xroad:authCert', certificate),
          ...leaf('xroad:requestId', number),
        ]),
      ]),
    ],
    { 'xmlns:SOAP-ENV': SOAP, 'xmlns:xroad': XROAD_NAMESPACE, 'xmlns:id': IDENTIFIERS_NAMESPACE },
  )
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${indented(envelope)}`)
}

function identifier(
  name: string,
  type: string,
  id: ClientId & { serviceCode?: string; serviceVersion?: string | undefined; serverCode?: string },
): Lines {
  return branch(
    name,
    [
      ...leaf('id:xRoadInstance', id.instance),
      ...leaf('id:memberClass', id.memberClass),
      ...leaf('id:memberCode', id.memberCode),
      ...leaf('id:subsystemCode', id.subsystemCode),
      ...leaf('id:serviceCode', id.serviceCode),
      ...leaf('id:serviceVersion', id.serviceVersion),
      ...leaf('id:serverCode', id.serverCode),
    ],
    { 'id:objectType': type },
  )
}

function invalid(what: string): Fault {
  return new Fault('invalid_body', { what })
}
