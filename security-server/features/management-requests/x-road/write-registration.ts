/**
 * Writes X-Road's authCertReg (wire digest 7.1, AuthCertRegRequest.java): the SOAP message, and the multipart message with the
 * proofs, whose order is fixed.
 */
import { closeDelimiter, partHead } from '#core/transport/multipart-writer.ts'
import { writeSoap } from '#core/transport/write-soap.ts'
import { escapeXml } from '#core/xml/escape.ts'
import { type ClientId, memberOf, type ServerId } from '#schemas/identifiers.ts'
import type { SignedRegistration } from '../../../keys/sign-registration.ts'

const BINARY = 'application/octet-stream'
/** X-Road looks the name up in this case. */
const ALGORITHM_HEADER = 'signature-algorithm-id'

/**
 * The bytes that both keys sign. The request is the first node of the body: X-Road reads that one, also if it is white space.
 * `dryRun`, which only 7.8 knows, is left out, and so is false.
 */
export function writeRegistrationSoap(q: {
  id: string
  server: ServerId
  /** The management service provider of the instance. */
  provider: ClientId
  address: string
  /** DER. */
  certificate: Buffer
}): Buffer {
  const { server, address, certificate } = q
  const { instance, memberClass, memberCode, serverCode } = server
  const codes = { xRoadInstance: instance, memberClass, memberCode, serverCode }
  const parts = Object.entries(codes).map(([name, code]) => `<id:${name}>${escapeXml(code)}</id:${name}>`)
  const content =
    `<xrd:authCertReg><xrd:server id:objectType="SERVER">${parts.join('')}</xrd:server>` +
    `<xrd:address>${escapeXml(address)}</xrd:address>` +
    `<xrd:authCert>${certificate.toString('base64')}</xrd:authCert></xrd:authCertReg>`
  const service = { ...q.provider, serviceCode: 'authCertReg' }
  return Buffer.from(writeSoap({ client: memberOf(server), service, id: q.id }, content))
}

/** The SOAP message, both signatures, both certificates, and the OCSP response about the second. */
export function writeRegistrationMessage(
  soap: Buffer,
  signed: SignedRegistration,
  boundary: string,
): { contentType: string; body: Buffer } {
  const { authentication, owner, ocspResponse } = signed
  const parts: [head: Buffer, body: Buffer][] = [
    [partHead(boundary, 'text/xml; charset=UTF-8', true), soap],
    ...[authentication, owner].map(({ algorithm, value }): [Buffer, Buffer] => [
      partHead(boundary, BINARY, false, [[ALGORITHM_HEADER, algorithm]]),
      value,
    ]),
    ...[authentication.certificate.der, owner.certificate.der, ocspResponse].map((body): [Buffer, Buffer] => [
      partHead(boundary, BINARY, false),
      body,
    ]),
  ]
  return {
    contentType: `multipart/related; type="${BINARY}"; charset=UTF-8; boundary=${boundary}`,
    body: Buffer.concat([...parts.flat(), closeDelimiter(boundary)]),
  }
}
