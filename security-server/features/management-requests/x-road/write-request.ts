/**
 * Writes X-Road's management requests (pr-mserv, request.xsd): the SOAP message, and the multipart message
 * with the proofs, whose order is fixed.
 */
import { closeDelimiter, partHead } from '#core/transport/multipart-writer.ts'
import { soapIdentifier, writeSoap } from '#core/transport/write-soap.ts'
import { escapeXml } from '#core/xml/escape.ts'
import { type ClientId, memberOf, parseClientId, parseServerId, type ServerId } from '#schemas/identifiers.ts'
import type { RequestSubject } from '#schemas/management-request.ts'
import type { SignedXRoadRequest } from '../../../keys/sign-x-road-request.ts'

const BINARY = 'application/octet-stream'
const DOCUMENT = 'text/xml; charset=UTF-8'
/** X-Road looks the name up in this case. */
const ALGORITHM_HEADER = 'signature-algorithm-id'

/**
 * The bytes that are signed. The request is the first node of the body: X-Road reads that one, also if it is
 * white space. `dryRun` of authCertReg, which only 7.8 knows, is left out, and so is false.
 */
export function writeRequestSoap(q: {
  id: string
  /** The management service provider of the instance. */
  provider: ClientId
  /** For kinds that are about a certificate with its `certificate`. */
  subject: RequestSubject
}): Buffer {
  const { kind, client, newOwner, address, certificate, subsystemName, message } = q.subject
  const server = parseServerId(q.subject.server)
  const other = client ?? newOwner
  // A kind has some of these elements; all have them in this order.
  const fields =
    serverElement(server) +
    (other === undefined ? '' : soapIdentifier('client', parseClientId(other))) +
    element('address', address) +
    element('authCert', certificate) +
    element('subsystemName', subsystemName) +
    element('message', message)
  const service = { ...q.provider, serviceCode: kind }
  const fieldsOfHeader = { client: memberOf(server), service, id: q.id }
  return Buffer.from(writeSoap(fieldsOfHeader, `<xrd:${kind}>${fields}</xrd:${kind}>`))
}

type WrittenMessage = { contentType: string; body: Buffer }

/** The message of the kinds that X-Road sends without proofs of their own. */
export function writePlainMessage(soap: Buffer): WrittenMessage {
  return { contentType: DOCUMENT, body: soap }
}

/** The SOAP message, all signatures, all certificates, and the OCSP response about the last one. */
export function writeSignedMessage(
  soap: Buffer,
  { signatures, ocspResponse }: SignedXRoadRequest,
  boundary: string,
): WrittenMessage {
  const parts: [head: Buffer, body: Buffer][] = [
    [partHead(boundary, DOCUMENT, true), soap],
    ...signatures.map(({ algorithm, value }): [Buffer, Buffer] => [
      partHead(boundary, BINARY, false, [[ALGORITHM_HEADER, algorithm]]),
      value,
    ]),
    ...[...signatures.map(({ certificate }) => certificate.der), ocspResponse].map(
      (body): [Buffer, Buffer] => [partHead(boundary, BINARY, false), body],
    ),
  ]
  return {
    contentType: `multipart/related; type="${BINARY}"; charset=UTF-8; boundary=${boundary}`,
    body: Buffer.concat([...parts.flat(), closeDelimiter(boundary)]),
  }
}

function serverElement({ instance, memberClass, memberCode, serverCode }: ServerId): string {
  const codes = { xRoadInstance: instance, memberClass, memberCode, serverCode }
  const parts = Object.entries(codes).map(([name, code]) => `<id:${name}>${escapeXml(code)}</id:${name}>`)
  return `<xrd:server id:objectType="SERVER">${parts.join('')}</xrd:server>`
}

function element(name: string, text: string | undefined): string {
  return text === undefined ? '' : `<xrd:${name}>${escapeXml(text)}</xrd:${name}>`
}
