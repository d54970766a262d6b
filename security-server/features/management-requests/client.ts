/**
 * Sends management requests to the central registry's registration API as signed documents, and returns their
 * states.
 */
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'
import type { PrivateParameters } from '#schemas/global-configuration.ts'
import type { RequestStatus } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import { createPostDocument } from '../../global-configuration/registration/client.ts'

/**
 * Sends signed documents. Throws `registration_refused` with the registry's reason, and
 * `registration_unavailable` when the registry cannot be reached or answers in another form.
 */
export type RegistrationClient = {
  file(document: string): Promise<RequestStatus>
  states(document: string): Promise<RequestStatus[]>
  revoke(document: string): Promise<RequestStatus>
}

const BASE = '/registration/v1/management-requests'

export function createRegistrationClient(
  service: () => PrivateParameters['managementService'],
): RegistrationClient {
  const post = createPostDocument(service)
  const send = async (path: string, document: string): Promise<unknown> => {
    const bytes = await post(`${BASE}${path}`, document)
    try {
      return parseStrictJson(bytes)
    } catch (cause) {
      throw new Fault('registration_unavailable', { what: 'its answer is no JSON', cause })
    }
  }
  return {
    file: async (document) => checkStatus(await send('', document)),
    states: async (document) => {
      const answer = await send('/states', document)
      if (!Array.isArray(answer)) throw unreadable()
      return answer.map(checkStatus)
    },
    revoke: async (document) => checkStatus(await send('/revocations', document)),
  }
}

function checkStatus(value: unknown): RequestStatus {
  const { request: id, kind, state, server } = (value ?? {}) as Record<string, unknown>
  if (!Number.isSafeInteger(id) || typeof kind !== 'string' || typeof state !== 'string') throw unreadable()
  if (typeof server !== 'string') throw unreadable()
  return value as RequestStatus
}

function unreadable(): Fault {
  return new Fault('registration_unavailable', { what: say`its answer is not that of a registration API` })
}
