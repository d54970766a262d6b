/**
 * X-Road's other management requests: POST /managementservice/manage/ (pr-mserv). The management security
 * server forwards them after it has verified that the owner of the server sent the message. Everything else
 * is proven by the signature in the message. The request is stored like one over our API; every refusal is a
 * SOAP fault with HTTP 500.
 */
import { createHash, randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Certificate } from '#core/certificate/certificate.ts'
import { parseContentType } from '#core/transport/content-type.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import {
  type FiledRequest,
  otherOf,
  ownerOf,
  type RequestKind,
  type RequestSubject,
  signersOf,
} from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import { approvedNow } from '../../../documents/approved-now.ts'
import { describeCertificate, type ProofFacts, verifySigner } from '../../../documents/verify-signer.ts'
import { readFiledRequest } from '../document.ts'
import type { IntakeRooms } from '../intake.ts'
import { checkSigner } from '../rules.ts'
import { answerSoapFault, MAX_REQUEST_BYTES } from './answer-soap-fault.ts'
import { checkProvider } from './check-provider.ts'
import { managementServerOf } from './management-server.ts'
import { readSignedMessage, type SignedMessage } from './parts.ts'
import { type ManagementSoap, parseManagementSoap, writeManagementResponse } from './soap.ts'

/**
 * Kinds that X-Road sends without a signature of their own: the owner's signature on the message is the only
 * one.
 */
const UNSIGNED: ReadonlySet<RequestKind> = new Set(['clientDeletion', 'authCertDeletion'])
/** An unsigned message never expires, so its id is kept for longer than signing certificates are valid. */
const UNSIGNED_MS = 4 * 366 * 86_400_000

export function manageRoutes(app: FastifyInstance, rooms: IntakeRooms, pinned: Certificate[]): void {
  for (const path of ['/managementservice/manage/', '/managementservice/manage'])
    app.post(
      path,
      {
        bodyLimit: MAX_REQUEST_BYTES,
        errorHandler: (thrown, request, reply) => answerSoapFault(thrown, request, reply, rooms),
      },
      async (request, reply) => {
        const passedOnBy = managementServerOf(request, pinned)
        const message = readMessage(request.headers['content-type'] ?? '', request.body)
        const answer = await file(message, passedOnBy, rooms)
        rooms.count('file', 'ok')
        return reply.type('text/xml; charset=UTF-8').send(answer)
      },
    )
}

type Message = { soap: Buffer; signed?: SignedMessage | undefined; body: Buffer }

function readMessage(contentType: string, body: unknown): Message {
  if (!Buffer.isBuffer(body)) throw new Fault('invalid_soap', { what: 'a SOAP message is needed' })
  if (parseContentType(contentType).type === 'text/xml') return { soap: body, body }
  const signed = readSignedMessage(contentType, body)
  return { soap: signed.soap, signed, body }
}

async function file(
  { soap, signed, body }: Message,
  passedOnBy: Certificate,
  rooms: IntakeRooms,
): Promise<Buffer> {
  const now = rooms.clock()
  const asked = await parseManagementSoap(soap, (kind) => kind !== 'authCertReg')
  await checkProvider(asked.header.service, rooms)
  const request = requestOf(asked, now)
  const owner = ownerOf(request)
  // X-Road's management security server has verified that this client sent the message.
  if (idText(asked.header.client) !== owner)
    throw new Fault('inconsistent_headers', { what: "the client is not the security server's owner" })
  const configuration = await approvedNow(rooms)
  if (asked.server.instance !== configuration.instance)
    throw new Fault('invalid_input', {
      what: say`this registry is of the instance ${configuration.instance}`,
    })
  if ((signed === undefined) !== UNSIGNED.has(request.kind))
    throw new Fault('missing_signature', {
      what: `${request.kind} is a SOAP message ${UNSIGNED.has(request.kind) ? 'alone' : 'with its signature, certificate and OCSP answer'}`,
    })
  const document = asked.header.id
  const server = describeCertificate(passedOnBy)
  const ownerFacts: ProofFacts = {
    ...{ signer: owner, format: 'X-Road', document, createdAt: request.createdAt },
    ...{ verifiedAt: request.createdAt, passedOnBy: server },
  }
  // Senders choose ids themselves, so an id is unique only together with the sender's name.
  const filed = { ...request, id: `${owner} ${document}` }
  if (signed === undefined) {
    const registration = await rooms.store.registrationOf(request)
    if (registration !== undefined) {
      // As in X-Road, deleting something that is not registered yet revokes the undecided registration.
      const revoked = { id: filed.id, server: request.server, signer: owner, request: registration.id }
      await rooms.store.revokeOwn(revoked, now, now + UNSIGNED_MS)
      return writeManagementResponse(asked, registration.id)
    }
    const row = await rooms.store.file(filed, [{ facts: ownerFacts, message: body }], now, now + UNSIGNED_MS)
    return writeManagementResponse(asked, row.id)
  }
  const signer = otherOf(request)
  checkSigner(request, signer)
  const { signing: certificate, ocsp } = signed
  const signature = { certificate, certificates: [], ocspResponses: [ocsp], signerStatusOnly: true }
  const facts = verifySigner({ ...request, signer }, signature, { configuration, now }, 'X-Road')
  const proofs = [{ ...facts, document, passedOnBy: server }]
  const signers = signersOf(request)
  const needsOwner = 'all' in signers && signers.all.includes(owner) && signer !== owner
  const row = await rooms.store.file(
    filed,
    [...proofs, ...(needsOwner ? [ownerFacts] : [])].map((one) => ({ facts: one, message: body })),
    now,
    // Anybody can attach a fresh OCSP answer to a signed message. So a copy is refused for as long as its
    // certificate is valid.
    certificate.notAfter.getTime(),
  )
  return writeManagementResponse(asked, row.id)
}

/** Converts the request to our form. Throws the fault of the field that is not allowed. */
function requestOf({ kind, server, client, texts }: ManagementSoap, now: number): FiledRequest {
  const { address, authCert, subsystemName, message } = texts
  const other = client === undefined ? undefined : idText(client)
  const subject: RequestSubject = { kind, server: idText(server) }
  if (other !== undefined) subject[kind === 'ownerChange' ? 'newOwner' : 'client'] = other
  if (address !== undefined) subject.address = address
  // X-Road's servers send an empty name when there is none.
  if (subsystemName !== undefined && (subsystemName !== '' || kind === 'clientRename'))
    subject.subsystemName = subsystemName
  if (message !== undefined && message !== '') subject.message = message
  if (authCert !== undefined) subject.certificateSha256 = digestOf(authCert)
  const createdAt = new Date(now).toISOString()
  return readFiledRequest({ id: randomUUID(), createdAt, signer: ownerOf(subject), ...subject })
}

function digestOf(base64: string): string {
  const der = Buffer.from(base64, 'base64')
  if (der.length === 0 || der.toString('base64') !== base64)
    throw new Fault('invalid_input', { what: 'authCert is not the base64 of a certificate' })
  return createHash('sha256').update(der).digest('hex')
}
