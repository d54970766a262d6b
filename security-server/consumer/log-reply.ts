/** Guarantees that the signed reply is durable in our log before the client system sees a byte of it. */
import { discardOnFailure } from '../peer/discard-body.ts'
import type { Logged, RequestMessage, Signed } from '../peer/message.ts'
import type { ConsumerRooms } from './rooms.ts'
import type { VerifiedReply } from './verify-reply.ts'

export async function logReply(
  verified: VerifiedReply,
  logged: Logged<Signed<RequestMessage>>,
  rooms: ConsumerRooms,
): Promise<Logged<VerifiedReply>> {
  const { message, body, signature, peer, response, treeHead } = verified
  const record = await discardOnFailure(body, () =>
    rooms.messageLog.append({
      kind: 'reply',
      direction: 'in',
      ids: { id: response.id, requestId: response.requestId },
      client: response.client,
      service: response.service,
      peer,
      time: new Date(rooms.clock()),
      outcome: 'ok',
      message,
      body,
      signature,
      ...logged.terms,
      answers: logged.record.index,
      // The peer's newest tree head: kept, it witnesses the peer's log.
      extra:
        treeHead === undefined
          ? { status: `${response.status}` }
          : { status: `${response.status}`, treeHead },
    }),
  )
  rooms.heardTreeHead(peer, treeHead)
  return { ...verified, record } as Logged<VerifiedReply>
}
