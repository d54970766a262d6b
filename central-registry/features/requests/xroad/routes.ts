/**
 * X-Road's way to register an authentication certificate: POST /managementservice/ (pr-mserv). It needs the
 * same proofs as our API, and the request is stored in the same way; every refusal is a SOAP fault with
 * HTTP 500.
 */
import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { ownerOf } from '#schemas/management-request.ts'
import { approvedNow } from '../../../documents/approved-now.ts'
import { describeCertificate, verifySigner } from '../../../documents/verify-signer.ts'
import { readFiledRequest } from '../document.ts'
import type { IntakeRooms } from '../intake.ts'
import { verifyAuthenticationCertificate } from '../proofs.ts'
import { answerSoapFault, MAX_REQUEST_BYTES } from './answer-soap-fault.ts'
import { checkProvider } from './check-provider.ts'
import { readAuthCertReg } from './parts.ts'
import { parseManagementSoap, writeManagementResponse } from './soap.ts'

export function managementServiceRoutes(app: FastifyInstance, rooms: IntakeRooms): void {
  app.post(
    '/managementservice/',
    {
      bodyLimit: MAX_REQUEST_BYTES,
      errorHandler: (thrown, request, reply) => answerSoapFault(thrown, request, reply, rooms),
    },
    async (request, reply) => {
      const body = await register(request.headers['content-type'] ?? '', request.body, rooms)
      rooms.count('file', 'ok')
      return reply.type('text/xml; charset=UTF-8').send(body)
    },
  )
}

async function register(contentType: string, body: unknown, rooms: IntakeRooms): Promise<Buffer> {
  if (!Buffer.isBuffer(body)) throw new Fault('mime_parsing_failed', { what: 'a multipart body is needed' })
  const now = rooms.clock()
  const message = readAuthCertReg(contentType, body)
  const asked = await parseManagementSoap(message.soap, (kind) => kind === 'authCertReg')
  const { address, authCert, dryRun } = asked.texts
  const server = idText(asked.server)
  const signer = ownerOf({ server })
  if (idText(asked.header.client) !== signer)
    throw new Fault('inconsistent_headers', { what: "the client is not the security server's owner" })
  await checkProvider(asked.header.service, rooms)
  const request = readFiledRequest({
    id: randomUUID(),
    createdAt: new Date(now).toISOString(),
    signer,
    kind: 'authCertReg',
    server,
    address,
    certificate: authCert,
  })
  const trust = { configuration: await approvedNow(rooms), now }
  const signature = {
    certificate: message.signing,
    certificates: [],
    ocspResponses: [message.ocsp],
    signerStatusOnly: true,
  }
  const facts = verifySigner(request, signature, trust, 'X-Road')
  const authentication = verifyAuthenticationCertificate(request, trust)
  if (authentication.sha256 !== message.authentication.sha256)
    throw new Fault('incorrect_certificate', {
      what: 'the SOAP message names another authentication certificate',
    })
  if (dryRun === 'true') {
    await rooms.store.check(request, now)
    return writeManagementResponse(asked, undefined)
  }
  const proof = {
    facts: {
      ...facts,
      document: asked.header.id,
      authenticationCertificate: describeCertificate(authentication),
    },
    message: body,
  }
  // Senders choose ids themselves, so an id is unique only together with the sender's name. The message has
  // no time, and anybody can attach a fresh OCSP answer to it. So a copy is refused for as long as its
  // certificates are valid.
  const id = `${signer} ${asked.header.id}`
  const row = await rooms.store.file({ ...request, id }, [proof], now, message.signing.notAfter.getTime())
  return writeManagementResponse(asked, row.id)
}
