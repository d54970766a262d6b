/** Guarantees that the signed request is durable in our log before a byte of it leaves. */
import { discardOnFailure } from '../message/body.ts'
import { type Logged, logMessage } from '../peer/log-message.ts'
import type { ConsumerRooms } from './rooms.ts'
import type { SignedRequest } from './sign.ts'

export type LoggedRequest = Logged<SignedRequest>

export function logRequest(signed: SignedRequest, rooms: ConsumerRooms): Promise<LoggedRequest> {
  const { request, terms, representation } = signed
  const facts = {
    kind: 'request',
    direction: 'out',
    ids: { id: request.id, requestId: request.requestId },
    client: request.client,
    service: request.service,
    peer: undefined,
    time: new Date(rooms.clock()),
    outcome: '',
    ...terms,
    extra: {
      method: request.method,
      ...(request.issue !== undefined && { issue: request.issue }),
      ...request.actors,
      ...representation,
      ...(terms.graceSince !== undefined && { graceSince: terms.graceSince }),
    },
  } as const
  return discardOnFailure(signed.body, () => logMessage(signed, facts, rooms.messageLog))
}
