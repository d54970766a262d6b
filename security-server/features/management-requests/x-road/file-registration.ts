/**
 * Registers an authentication certificate with the central server of an X-Road instance, in X-Road's form, as its security servers
 * do. The central server checks the same three proofs as our registry: authentication key, owner's signing key, OCSP response.
 */
import { randomUUID } from 'node:crypto'
import { newBoundary } from '#core/transport/multipart-writer.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, memberOf, type ServerId } from '#schemas/identifiers.ts'
import type { RequestStatus } from '#schemas/management-request.ts'
import type { PostMessage } from '../../../global-configuration/registration/client.ts'
import type { Keys } from '../../../keys/keys.ts'
import { readRegistrationAnswer } from './read-answer.ts'
import { writeRegistrationMessage, writeRegistrationSoap } from './write-registration.ts'

/** `sha256`: of the authentication certificate. */
export type FileXRoadRegistration = (q: { sha256: string; address: string }) => Promise<RequestStatus>

/**
 * The state is the one in which X-Road's central server takes a request. Nothing tells a later one, except that the
 * certificate stands in the configuration. Throws as keys.signRegistration, PostMessage and readRegistrationAnswer.
 */
export function createFileXRoadRegistration(q: {
  server: ServerId
  clock: Clock
  keys: Pick<Keys, 'certificateDer' | 'signRegistration'>
  provider(): ClientId | undefined
  post: PostMessage
}): FileXRoadRegistration {
  return async ({ sha256, address }) => {
    const provider = q.provider()
    if (provider === undefined)
      throw new Fault('registration_unavailable', {
        what: 'the global configuration names no provider of the management services',
      })
    const certificate = q.keys.certificateDer(sha256)
    const soap = writeRegistrationSoap({ id: randomUUID(), server: q.server, provider, address, certificate })
    const signed = await q.keys.signRegistration({
      data: soap,
      owner: memberOf(q.server),
      authentication: sha256,
    })
    const { contentType, body } = writeRegistrationMessage(soap, signed, newBoundary('xroad'))
    const request = await readRegistrationAnswer(soap, await q.post(contentType, body))
    const filedAt = new Date(q.clock()).toISOString()
    return {
      request,
      kind: 'authCertReg',
      state: 'SUBMITTED_FOR_APPROVAL',
      server: idText(q.server),
      filedAt,
    }
  }
}
