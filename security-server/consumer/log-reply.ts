/** Guarantees that the signed reply is durable in our log before the client system sees a byte of it. */
import { discardOnFailure } from '../message/body.ts'
import { levelOfReply } from '../peer/level-of-reply.ts'
import { type Logged, logMessage } from '../peer/log-message.ts'
import type { LoggedRequest } from './log-request.ts'
import type { ConsumerRooms } from './rooms.ts'
import type { VerifiedReply } from './verify-reply.ts'

export async function logReply(
  verified: VerifiedReply,
  logged: LoggedRequest,
  rooms: ConsumerRooms,
): Promise<Logged<VerifiedReply>> {
  const { server, reply, treeHead } = verified
  const facts = {
    kind: 'reply',
    direction: 'in',
    ids: { id: reply.id, requestId: reply.requestId },
    client: reply.client,
    service: reply.service,
    peer: server,
    time: new Date(rooms.clock()),
    outcome: 'ok',
    ...logged.terms,
    ...levelOfReply(logged.request, logged.terms.logLevel),
    answers: logged.record.index,
    // The peer's newest tree head: kept, it witnesses the peer's log.
    extra: { status: `${reply.status}`, ...(treeHead !== undefined && { treeHead }) },
  } as const
  const kept = await discardOnFailure(verified.body, () => logMessage(verified, facts, rooms.messageLog))
  rooms.heardTreeHead(server, treeHead)
  return kept
}
