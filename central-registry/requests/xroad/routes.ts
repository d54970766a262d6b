/**
 * X-Road's own way to register an authentication certificate: POST /managementservice/ (wire 7.1). The same proofs as by our
 * API, the same request in the same store; every refusal is a SOAP fault with HTTP 500.
 */
import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FAULT_CONTENT_TYPE, writeSoapFault } from '#core/transport/fault-xml.ts'
import type { SoapService } from '#core/transport/soap-message.ts'
import { publicFault, toFault } from '#platform/http-service/fault-answer.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { ownerOf } from '#schemas/management-request.ts'
import { MANAGEMENT_SERVICE_PROVIDER } from '../../members/store.ts'
import { readFiledRequest } from '../document.ts'
import { approvedNow, type IntakeRooms } from '../intake.ts'
import { describeCertificate, verifyAuthenticationCertificate, verifySigner } from '../proofs.ts'
import { readAuthCertReg } from './parts.ts'
import { parseAuthCertReg, writeAuthCertRegResponse } from './soap.ts'

/** X-Road's limit of a management request. */
const MAX_BYTES = 100_000

export function managementServiceRoutes(app: FastifyInstance, rooms: IntakeRooms): void {
  app.post(
    '/managementservice/',
    {
      bodyLimit: MAX_BYTES,
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
  const asked = await parseAuthCertReg(message.soap)
  const server = idText(asked.server)
  const signer = ownerOf({ server })
  if (idText(asked.header.client) !== signer)
    throw new Fault('inconsistent_headers', { what: "the client is not the security server's owner" })
  await checkProvider(asked.header.service, rooms)
  const request = readFiledRequest({
    id: randomUUID(),
    // X-Road's message holds no time: its freshness is that of the OCSP answer.
    createdAt: new Date(now).toISOString(),
    signer,
    kind: 'authCertReg',
    server,
    address: asked.address,
    certificate: asked.certificate,
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
  if (asked.dryRun) {
    await rooms.store.check(request, now)
    return writeAuthCertRegResponse(asked, undefined)
  }
  const proof = {
    facts: {
      ...facts,
      document: asked.header.id,
      authenticationCertificate: describeCertificate(authentication),
    },
    message: body,
  }
  // Ids are the sender's own, so they are unique with its name; a copy is refused for as long as its proofs would hold.
  const id = `${signer} ${asked.header.id}`
  const row = await rooms.store.file({ ...request, id }, proof, now, Date.parse(facts.validUntil))
  return writeAuthCertRegResponse(asked, row.id)
}

/** As X-Road: a message for another provider of management services is not for this registry. */
async function checkProvider(
  { instance, memberClass, memberCode, subsystemCode }: SoapService,
  { members }: Pick<IntakeRooms, 'members'>,
): Promise<void> {
  const { [MANAGEMENT_SERVICE_PROVIDER]: provider } = await members.parameters()
  if (
    idText({
      instance,
      memberClass,
      memberCode,
      ...(subsystemCode === undefined ? {} : { subsystemCode }),
    }) !== provider
  )
    throw new Fault('unknown_service', { what: 'its provider is not that of the management services' })
}

function answerSoapFault(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { count }: IntakeRooms,
): void {
  const fault = toFault(thrown)
  const wire = publicFault(fault, undefined)
  count('file', fault.code)
  reply.faultType = wire.type
  reply.faultDetail = wire.detail
  request.log[fault.status >= 500 ? 'error' : 'debug']({ err: thrown, detail: wire.detail }, 'request failed')
  void reply.code(500).type(FAULT_CONTENT_TYPE).send(writeSoapFault(wire))
}
