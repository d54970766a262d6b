/**
 * Guarantees that the request is durable before the provider's system hears of it, and that no other request with the
 * same (peer server, signed request id) was or will be taken.
 */
import { hash } from 'node:crypto'
import { idText } from '#schemas/identifiers.ts'
import type { Logged } from '../peer/message.ts'
import type { LogEntry } from '../peer/message-log.ts'
import { namedActors } from '../peer/named-actors.ts'
import type { AllowedRequest } from './check-contract.ts'
import type { ProviderRooms } from './rooms.ts'
import type { Way } from './way.ts'

export type Intent = Logged<AllowedRequest>

export async function logIntent(allowed: AllowedRequest, way: Way, rooms: ProviderRooms): Promise<Intent> {
  const record = await rooms.messageLog.append(requestEntry(allowed, '', rooms))
  way.intent = record
  // The key is claimed; our system may take its time.
  way.release?.()
  way.body = undefined
  return { ...allowed, record } as Intent
}

/** The record of a verified request: open ('') when it will be carried out, else closed with the code of its refusal. */
export function requestEntry(
  verified: Pick<
    AllowedRequest,
    'request' | 'requestId' | 'message' | 'body' | 'signature' | 'peer' | 'terms'
  >,
  outcome: string,
  rooms: ProviderRooms,
): LogEntry {
  const { request, requestId, message, body, signature, peer } = verified
  return {
    kind: 'request',
    direction: 'in',
    ids: { id: request.id!, requestId },
    client: request.client,
    service: request.service,
    peer,
    time: new Date(rooms.clock()),
    outcome,
    message,
    body,
    signature,
    ...verified.terms,
    replayKey: hash('sha256', `${idText(peer)} ${requestId}`, 'buffer'),
    extra: { method: request.method, ...namedActors(request) },
  }
}
