/**
 * An OCSP responder beside step-ca, whose open version has none: it says what step-ca's revocation list says.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { parseDer } from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { parseCertificate } from '#core/certificate/certificate.ts'
import { parseOcspRequest, readCertId } from '#core/certificate/ocsp-request.ts'
import { buildOcspResponse } from '#core/certificate/ocsp-response.ts'
import { certificatePem } from '#security-server/keys/pem.ts'
import { selfSignedCertificate } from '#security-server/keys/self-signed.ts'

const VALID_MS = 600_000

export type Responder = { url: string; certificate: string; close(): void }

export async function startResponder(address: string, revoked: () => Promise<string[]>): Promise<Responder> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const names = { hostName: 'ocsp.step.example', ipAddresses: [] }
  const certificate = parseCertificate(selfSignedCertificate({ privateKey, names, at: new Date() }))
  const server = http.createServer(async (asked, reply) => {
    const request = parseOcspRequest(await buffer(asked))
    const [list, at] = [await revoked(), new Date()]
    const bytes = buildOcspResponse({
      answers: request.certIds.map((certId) => ({
        ...{ certId, thisUpdate: at, nextUpdate: new Date(at.getTime() + VALID_MS) },
        ...(list.includes(serialOf(certId))
          ? { status: 'revoked' as const, revokedAt: at }
          : { status: 'good' as const }),
      })),
      ...{ producedAt: at, responder: certificate, includeCertificates: [] },
      ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
      sign: (tbs) => ({
        algorithm: der.sequence(der.oid(OID.ecdsaWithSHA256)),
        value: sign('sha256', tbs, privateKey),
      }),
    })
    reply.writeHead(200, { 'content-type': 'application/ocsp-response' }).end(bytes)
  })
  await new Promise<void>((resolve) => void server.listen(0, address, resolve))
  return {
    url: `http://${address}:${(server.address() as AddressInfo).port}/`,
    certificate: certificatePem(certificate),
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function serialOf(certId: Buffer): string {
  return readCertId(parseDer(certId)).serialNumber.toString()
}
