/**
 * Files a management request with the central server of an X-Road instance, in X-Road's form, as its security
 * servers do (pr-mserv): authCertReg at the central server itself, every other kind as a message of the
 * server's owner to the management services, which is signed and logged as any exchange.
 */
import { randomUUID } from 'node:crypto'
import { newBoundary } from '#core/transport/multipart-writer.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, parseMemberId } from '#schemas/identifiers.ts'
import {
  otherOf,
  type RequestKind,
  type RequestStatus,
  type RequestSubject,
} from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import type { PostMessage } from '../../../global-configuration/registration/client.ts'
import type { Keys } from '../../../keys/keys.ts'
import { readFilingAnswer } from './read-answer.ts'
import { writePlainMessage, writeRequestSoap, writeSignedMessage } from './write-request.ts'

/** `authentication`: SHA-256 of the authentication certificate that an authCertReg is about. */
export type FileXRoadRequest = (subject: RequestSubject, authentication?: string) => Promise<RequestStatus>

/**
 * The owner's signature on the message is the only one; in all others the member that the request is about
 * signs too.
 */
const PLAIN: ReadonlySet<RequestKind> = new Set(['clientDeletion', 'authCertDeletion'])
/** What X-Road's central server leaves to an administrator; the rest it has carried out when it answers. */
const WAIT_FOR_APPROVAL: ReadonlySet<RequestKind> = new Set(['authCertReg', 'clientReg', 'ownerChange'])

/**
 * The state is the one in which X-Road's central server takes a request. Nothing tells a later one, except
 * the configuration. Throws as keys.signXRoadRequest, the two ways of sending, and readFilingAnswer.
 */
export function createFileXRoadRequest(q: {
  clock: Clock
  keys: Pick<Keys, 'certificateDer' | 'signXRoadRequest'>
  provider(): ClientId | undefined
  /** Sends to the central server itself. */
  post: PostMessage
  /** Sends as a message of the owner through this server. */
  exchange: PostMessage
}): FileXRoadRequest {
  return async (subject, authentication) => {
    const { kind, server, client } = subject
    const provider = q.provider()
    if (provider === undefined)
      throw new Fault('registration_unavailable', {
        what: say`the global configuration names no provider of the management services`,
      })
    const soap = writeRequestSoap({ id: randomUUID(), provider, subject: withCertificate(subject, q.keys) })
    const { contentType, body } = PLAIN.has(kind)
      ? writePlainMessage(soap)
      : writeSignedMessage(
          soap,
          await q.keys.signXRoadRequest({
            data: soap,
            member: parseMemberId(otherOf(subject)),
            authentication,
          }),
          newBoundary('xroad'),
        )
    const send = kind === 'authCertReg' ? q.post : q.exchange
    const request = await readFilingAnswer(soap, await send(contentType, body))
    return {
      request,
      kind,
      state: WAIT_FOR_APPROVAL.has(kind) ? 'SUBMITTED_FOR_APPROVAL' : 'APPROVED',
      server,
      client,
      filedAt: new Date(q.clock()).toISOString(),
    }
  }
}

/** X-Road names a certificate by all of its bytes, also when it is to be deleted. */
function withCertificate(subject: RequestSubject, keys: Pick<Keys, 'certificateDer'>): RequestSubject {
  const { certificateSha256: sha256 } = subject
  if (sha256 === undefined) return subject
  return { ...subject, certificate: keys.certificateDer(sha256).toString('base64') }
}
