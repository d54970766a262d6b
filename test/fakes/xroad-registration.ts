/**
 * X-Road's authCertReg message, built by pr-mserv: as an X-Road security server sends it, or with one thing
 * wrong.
 */
import { sign } from 'node:crypto'
import { ocspFor, type Party } from './management-requests.ts'

export type Faults = {
  soap?: string
  algorithm?: string
  /** Changes the parts, in their order, before they are joined. */
  parts?: (parts: XRoadPart[]) => XRoadPart[]
  boundary?: string
  epilogue?: string
}
export type XRoadPart = { headers: string[]; body: Buffer }

const BOUNDARY = 'xroadKqZhmFxQvbUowTgcDyRnaLsEpYjIwN'
export const REGISTRATION_TYPE = `multipart/related; type="application/octet-stream"; charset=UTF-8; boundary=${BOUNDARY}`

/** The SOAP message of a registration; `server` is such as "DEV/GOV/1234/SS2". */
export function authCertRegSoap(q: {
  server: string
  address: string
  certificate: Buffer
  id: string
  client?: string
  more?: string
  service?: string
  /** The subsystem that provides the service: its code, and its member's. */
  provider?: string
  providerMember?: string
}): string {
  const { service = 'authCertReg', provider = 'plain', providerMember = '1234' } = q
  const [instance, memberClass, memberCode, serverCode] = q.server.split('/')
  const [, clientClass, clientCode] = (q.client ?? q.server).split('/')
  const member = (of: string | undefined, code: string | undefined): string =>
    `<id:xRoadInstance>${instance}</id:xRoadInstance><id:memberClass>${of}</id:memberClass><id:memberCode>${code}</id:memberCode>`
  return `<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:id="http://x-road.eu/xsd/identifiers" xmlns:xroad="http://x-road.eu/xsd/xroad.xsd"><SOAP-ENV:Header><xroad:client id:objectType="MEMBER">${member(clientClass, clientCode)}</xroad:client><xroad:service id:objectType="SERVICE">${member('GOV', providerMember)}<id:subsystemCode>${provider}</id:subsystemCode><id:serviceCode>${service}</id:serviceCode></xroad:service><xroad:userId>EE1234</xroad:userId><xroad:id>${q.id}</xroad:id><xroad:protocolVersion>4.0</xroad:protocolVersion></SOAP-ENV:Header><SOAP-ENV:Body><xroad:${service}><xroad:server id:objectType="SERVER">${member(memberClass, memberCode)}<id:serverCode>${serverCode}</id:serverCode></xroad:server><xroad:address>${q.address}</xroad:address><xroad:authCert>${q.certificate.toString('base64')}</xroad:authCert>${q.more ?? ''}</xroad:${service}></SOAP-ENV:Body></SOAP-ENV:Envelope>`
}

/** The six parts: SOAP, two signatures over its bytes, two certificates, the OCSP response of the second. */
export function authCertRegMessage(
  soap: string,
  authentication: Party,
  signing: Party,
  faults: Faults = {},
): Buffer {
  const { algorithm = 'SHA512withECDSA', boundary = BOUNDARY, epilogue = '' } = faults
  const bytes = Buffer.from(soap)
  const binary = 'content-type:application/octet-stream'
  const signed = ({ key }: Party): XRoadPart => ({
    headers: [binary, `signature-algorithm-id:${algorithm}`],
    body: sign('sha512', bytes, { key, dsaEncoding: 'der' }),
  })
  const plain = (body: Buffer): XRoadPart => ({ headers: [binary], body })
  const parts: XRoadPart[] = [
    { headers: ['content-type:text/xml; charset=UTF-8'], body: Buffer.from(faults.soap ?? soap) },
    signed(authentication),
    signed(signing),
    plain(authentication.certificate.der),
    plain(signing.certificate.der),
    plain(ocspFor(signing)[0]!),
  ]
  const chosen = faults.parts?.(parts) ?? parts
  const written = chosen.flatMap(({ headers, body }, at) => [
    Buffer.from(`${at === 0 ? '' : '\r\n'}--${boundary}\r\n${headers.join('\r\n')}\r\n\r\n`, 'latin1'),
    body,
  ])
  return Buffer.concat([...written, Buffer.from(`\r\n--${boundary}--\r\n${epilogue}`)])
}
