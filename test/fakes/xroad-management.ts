/**
 * X-Road's other management requests, built by pr-mserv, and the management security server that passes them
 * on.
 */
import { generateKeyPairSync, randomInt, sign } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { Agent, request } from 'undici'
import type { Settings } from '#central-registry/config.ts'
import { selfSignedCertificate } from '#security-server/keys/self-signed.ts'
import { certificatePem } from '#security-server/local-systems/view.ts'
import { ocspFor, type Party } from './management-requests.ts'
import { REGISTRATION_TYPE, type XRoadPart } from './xroad-registration.ts'

export type TlsIdentity = { cert: string; key: string }
type ManagementService = NonNullable<Settings['managementService']>
export type Answer = { status: number; bytes: Buffer; headers: Record<string, unknown> }

/**
 * A key with a self-signed certificate, as a security server's internal TLS key has: P-256, or RSA of so many
 * bits.
 */
export function tlsIdentity(hostName: string, rsaBits?: number): TlsIdentity {
  const { privateKey } =
    rsaBits === undefined
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: rsaBits })
  const names = { hostName, ipAddresses: [] }
  const der = selfSignedCertificate({ privateKey, names, at: new Date(Date.now() - 60_000) })
  return { cert: certificatePem(der), key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
}

/** Settings of the listener, with its files in `directory`; `pinned` may call it. */
export function managementService(
  directory: string,
  address: string,
  pinned: TlsIdentity[],
): ManagementService {
  const file = (name: string): string => path.join(directory, name)
  const [certificateFile, keyFile] = [file('management.pem'), file('management.key')]
  const clientCertificateFile = file('management-client.pem')
  if (!existsSync(keyFile)) {
    const { cert, key } = tlsIdentity('registry.example')
    writeFileSync(keyFile, key, { mode: 0o600 })
    writeFileSync(certificateFile, cert)
  }
  writeFileSync(clientCertificateFile, pinned.map(({ cert }) => cert).join(''))
  return { address, port: 4002, certificateFile, keyFile, clientCertificateFile }
}

// A test may send fifty at once, and a busy machine takes longer for their TLS than undici waits.
const CONNECT_MS = 300_000

/** Posts as the management security server does, over mutual TLS, or as another caller. */
export async function passOn(
  to: ManagementService,
  body: Buffer,
  o: { type?: string; by?: TlsIdentity | undefined; path?: string; tls?: ConnectionOptions } = {},
): Promise<Answer> {
  const { type = REGISTRATION_TYPE, by, path: at = '/managementservice/manage/' } = o
  const ca = readFileSync(to.certificateFile, 'utf8')
  const connect = { ca, checkServerIdentity: () => undefined, timeout: CONNECT_MS, ...by, ...o.tls }
  // From an address of its own each time: requests are counted by address.
  const localAddress = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const dispatcher = new Agent({ localAddress, connect })
  try {
    const url = `https://${to.address}:${to.port}${at}`
    const reply = await request(url, { method: 'POST', headers: { 'content-type': type }, body, dispatcher })
    return {
      status: reply.statusCode,
      bytes: Buffer.from(await reply.body.arrayBuffer()),
      headers: reply.headers,
    }
  } finally {
    await dispatcher.close()
  }
}

const memberParts = (id: string): string => {
  const [instance, memberClass, memberCode, subsystem] = id.split('/')
  return `<id:xRoadInstance>${instance}</id:xRoadInstance><id:memberClass>${memberClass}</id:memberClass><id:memberCode>${memberCode}</id:memberCode>${subsystem === undefined ? '' : `<id:subsystemCode>${subsystem}</id:subsystemCode>`}`
}

/** `client` is a subsystem such as "DEV/GOV/1234/sub", or a member. */
export function clientElement(client: string): string {
  const type = client.split('/').length === 4 ? 'SUBSYSTEM' : 'MEMBER'
  return `<xroad:client id:objectType="${type}">${memberParts(client)}</xroad:client>`
}

/**
 * The SOAP message of a request about `server`, such as "DEV/GOV/1234/SS1"; `fields` is XML that follows the
 * server.
 */
export function managementSoap(
  kind: string,
  q: { server: string; id: string; fields?: string; sender?: string; provider?: string; service?: string },
): string {
  const { fields = '', provider = 'DEV/GOV/1234/plain', service = kind } = q
  const [owner, serverCode] = [q.server.replace(/\/[^/]+$/, ''), q.server.split('/')[3]]
  const serverXml = `<xroad:server id:objectType="SERVER">${memberParts(owner)}<id:serverCode>${serverCode}</id:serverCode></xroad:server>`
  return `<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:id="http://x-road.eu/xsd/identifiers" xmlns:xroad="http://x-road.eu/xsd/xroad.xsd"><SOAP-ENV:Header>${clientElement(q.sender ?? owner)}<xroad:service id:objectType="SERVICE">${memberParts(provider)}<id:serviceCode>${service}</id:serviceCode></xroad:service><xroad:id>${q.id}</xroad:id><xroad:protocolVersion>4.0</xroad:protocolVersion></SOAP-ENV:Header><SOAP-ENV:Body><xroad:${kind}>${serverXml}${fields}</xroad:${kind}></SOAP-ENV:Body></SOAP-ENV:Envelope>`
}

/** The four parts: SOAP, the signature over its bytes, the certificate, its OCSP response. */
export function signedManagementMessage(
  soap: string,
  signer: Party,
  change: (parts: XRoadPart[]) => XRoadPart[] = (parts) => parts,
): Buffer {
  const boundary = /boundary=(.+)$/.exec(REGISTRATION_TYPE)![1]!
  const bytes = Buffer.from(soap)
  const binary = 'content-type:application/octet-stream'
  const parts: XRoadPart[] = [
    { headers: ['content-type:text/xml; charset=UTF-8'], body: bytes },
    {
      headers: [binary, 'signature-algorithm-id: SHA512withECDSA'],
      body: sign('sha512', bytes, { key: signer.key, dsaEncoding: 'der' }),
    },
    { headers: [binary], body: signer.certificate.der },
    { headers: [binary], body: ocspFor(signer)[0]! },
  ]
  const written = change(parts).flatMap(({ headers, body }, at) => [
    Buffer.from(`${at === 0 ? '' : '\r\n'}--${boundary}\r\n${headers.join('\r\n')}\r\n\r\n`, 'latin1'),
    body,
  ])
  return Buffer.concat([...written, Buffer.from(`\r\n--${boundary}--\r\n`)])
}
