/** A SOAP service of a provider for tests: its WSDL, requests as a system writes them, and answers. */
import { type Admin, colons } from '../world.ts'
import type { Behaviour } from './provider-system.ts'

type Party = { client: string }

/** "DEV/GOV/1001/tax" as the children of an X-Road identifier. */
function codes(id: string): string {
  const [instance, memberClass, memberCode, subsystem] = id.split('/')
  const parts = { xRoadInstance: instance, memberClass, memberCode, subsystemCode: subsystem }
  return Object.entries(parts)
    .map(([name, code]) => `<id:${name}>${code}</id:${name}>`)
    .join('')
}

export type Envelope = {
  from: Party
  to: Party
  code: string
  version?: string
  id: string
  /** The name of the element in the body; the service code when absent. */
  element?: string
  content?: string
  /** Header fields beside the required ones. */
  fields?: string
}

/** A SOAP message with white space between its header fields, as programs print it. */
export function envelope({
  from,
  to,
  code,
  version,
  id,
  element = code,
  content = '',
  fields = '',
}: Envelope): string {
  const versionPart = version === undefined ? '' : `<id:serviceVersion>${version}</id:serviceVersion>`
  return `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:id="http://x-road.eu/xsd/identifiers" xmlns:xro="http://x-road.eu/xsd/xroad.xsd">
  <soapenv:Header>
    <xro:client id:objectType="SUBSYSTEM">${codes(from.client)}</xro:client>
    <xro:service id:objectType="SERVICE">${codes(to.client)}<id:serviceCode>${code}</id:serviceCode>${versionPart}</xro:service>
    <xro:userId>EE60001019906</xro:userId>
    <xro:id>${id}</xro:id>${fields}
    <xro:protocolVersion>4.0</xro:protocolVersion>
  </soapenv:Header>
  <soapenv:Body><p:${element} xmlns:p="http://population.example">${content}</p:${element}></soapenv:Body>
</soapenv:Envelope>`
}

/** A WSDL 1.1 document with an operation of each name; "name/version" gives it a version. */
export function wsdl(url: string, operations: string[]): string {
  const listed = operations.map((one) => one.split('/') as [string, string?])
  const portType = listed.map(
    ([name]) => `<wsdl:operation name="${name}"><wsdl:input message="t:in"/></wsdl:operation>`,
  )
  const binding = listed.map(([name, version]) => {
    const versioned = version === undefined ? '' : `<xrd:version>${version}</xrd:version>`
    return `<wsdl:operation name="${name}"><soap:operation soapAction=""/>${versioned}<wsdl:input><soap:body use="literal"/></wsdl:input></wsdl:operation>`
  })
  return `<?xml version="1.0" encoding="UTF-8"?>
<wsdl:definitions name="population" targetNamespace="http://population.example" xmlns:t="http://population.example" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xrd="http://x-road.eu/xsd/xroad.xsd">
  <!-- its address is nobody's business: <soap:address location="stays"/> -->
  <wsdl:message name="in"/>
  <wsdl:portType name="port">${portType.join('')}</wsdl:portType>
  <wsdl:binding name="binding" type="t:port"><soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>${binding.join('')}</wsdl:binding>
  <wsdl:service name="service"><wsdl:port name="port" binding="t:binding"><soap:address location="${url}"/></wsdl:port></wsdl:service>
</wsdl:definitions>`
}

/** Registers the services of a WSDL and lets `grants` call all of them; gives the service ids by code. */
export async function addWsdlServices(
  admin: Admin,
  q: { provider: string; document: string; grants: string[] },
): Promise<{ descriptionId: number; services: { id: number; serviceCode: string }[] }> {
  const description = await admin.send<{ id: number; services: { id: number; serviceCode: string }[] }>(
    'POST',
    `/clients/${colons(q.provider)}/service-descriptions`,
    { type: 'WSDL', document: q.document },
  )
  for (const { id } of description.services)
    for (const client of q.grants)
      await admin.send('POST', `/services/${id}/access-rights`, {
        subjectType: 'SUBSYSTEM',
        subjectId: colons(client),
      })
  await admin.send('PUT', `/service-descriptions/${description.id}/enable`)
  return { descriptionId: description.id, services: description.services }
}

/** A part of a multipart. */
export type Part = { headers: string; bytes: Buffer }

/** A multipart as programs of systems write it: a preamble, padding behind boundaries. */
export function multipart(boundary: string, parts: Part[]): Buffer {
  const pieces = parts.flatMap(({ headers, bytes }) => [`\r\n--${boundary}  \r\n${headers}\r\n\r\n`, bytes])
  return Buffer.concat(['a preamble', ...pieces, `\r\n--${boundary}--\r\n`].map((one) => Buffer.from(one)))
}

/** The parts of what our servers write: one boundary, no preamble. */
export function partsOf(bytes: Buffer, contentType: string): Part[] {
  const boundary = /boundary="?([^";]+)/.exec(contentType)![1]!
  const text = bytes.toString('latin1')
  return text
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => {
      const at = part.indexOf('\r\n\r\n')
      return { headers: part.slice(2, at), bytes: Buffer.from(part.slice(at + 4, -2), 'latin1') }
    })
}

/**
 * Answers a request, alone or with attachments, with its own message as a response and its own attachments.
 */
export const echoAttachments: Behaviour = (call, response) => {
  const type = contentTypeOf(call.rawHeaders)
  const [first, ...more] = partsOf(call.body, type)
  const answered = first!.bytes.toString().replaceAll(/(<\/?p:)([A-Za-z]+)/g, '$1$2Response')
  response.setHeader('Content-Type', 'multipart/related; type="text/xml"; start="<r>"; boundary=xyz')
  const head = { headers: 'Content-Type: text/xml\r\nContent-ID: <r>', bytes: Buffer.from(answered) }
  response.end(multipart('xyz', [head, ...more]))
}

/** The content type among raw headers. */
export function contentTypeOf(rawHeaders: string[]): string {
  return rawHeaders[rawHeaders.findIndex((name) => /^content-type$/i.test(name)) + 1]!
}
