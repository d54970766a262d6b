/**
 * Guarantees that the reply is the provider's own, whole, and an answer to exactly this request: signature
 * and coverage, then client, service, both ids and the hash of what was asked (pr-rest).
 */
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import { discardOnFailure } from '../message/body.ts'
import type { RequestMessage } from '../message/codec.ts'
import type { Reply } from '../message/message.ts'
import type { Verified } from '../peer/verify-message.ts'
import { blamePeer } from './blame-peer.ts'
import type { LoggedRequest } from './log-request.ts'
import type { ConsumerRooms } from './rooms.ts'
import type { ReceivedReply } from './send.ts'

export type VerifiedReply = Verified<ReceivedReply> & { reply: Reply }

export function verifyReply(
  received: ReceivedReply,
  logged: LoggedRequest,
  rooms: ConsumerRooms,
): Promise<VerifiedReply> {
  return discardOnFailure(received.body, async () => {
    const snapshot = rooms.globalConfiguration.currentWithin(logged.terms.graceMs ?? 0)
    const member = memberOf(logged.request.service)
    const { arrived } = received
    const at = rooms.clock()
    const verified = await rooms.verifyMessage({ parts: received, member, snapshot, at, arrived })
    const { message: bytes, part, header } = verified
    const reply = await blamePeer(async () => logged.codec.readReply({ ...part, bytes }, logged, header))
    bind(reply, logged)
    return { ...verified, reply }
  })
}

function bind(reply: Reply, asked: RequestMessage): void {
  const { request, codec } = asked
  const expected = {
    client: idText(request.client),
    service: idText(request.service),
    id: request.id,
    requestId: request.requestId,
    requestHash: codec.requestHash(asked),
  }
  const given = { ...reply, client: idText(reply.client), service: idText(reply.service) }
  for (const field of Object.keys(expected) as (keyof typeof expected)[]) {
    if (given[field] !== expected[field])
      throw new Fault('inconsistent_response', { what: `${field} differs` })
  }
}
