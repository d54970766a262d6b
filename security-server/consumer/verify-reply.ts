/**
 * Guarantees that the reply is the provider's own, whole, and an answer to exactly this request: signature and coverage,
 * then client, service, both ids and the hash of what was asked (wire 1.3).
 */
import { parseRestResponse, requestHash } from '#core/transport/rest-message.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import { discardOnFailure } from '../peer/discard-body.ts'
import type { Logged, ReplyMessage, RequestMessage, Signed, Verified } from '../peer/message.ts'
import { blamePeer } from './blame-peer.ts'
import type { ConsumerRooms } from './rooms.ts'
import type { ReceivedReply } from './send.ts'

export type VerifiedReply = Verified<Signed<ReplyMessage>> & { treeHead: string | undefined }

export async function verifyReply(
  reply: ReceivedReply,
  logged: Logged<Signed<RequestMessage>>,
  rooms: ConsumerRooms,
): Promise<VerifiedReply> {
  return discardOnFailure(reply.body, async () => {
    const snapshot = rooms.globalConfiguration.current()
    const member = memberOf(logged.request.service)
    await rooms.verifyMessage({ parts: reply, member, snapshot, at: rooms.clock(), arrived: reply.arrived })
    const response = await blamePeer(async () => parseRestResponse(reply.message))
    bind(response, logged)
    return { ...reply, response, peer: reply.server } as unknown as VerifiedReply
  })
}

function bind(response: ReplyMessage['response'], logged: RequestMessage): void {
  const { request, requestId } = logged
  const expected = {
    client: idText(request.client),
    service: idText(request.service),
    id: request.id!,
    requestId,
    requestHash: requestHash({ message: logged.messageSha512, body: logged.body?.sha512 }),
  }
  const given = { ...response, client: idText(response.client), service: idText(response.service) }
  for (const field of Object.keys(expected) as (keyof typeof expected)[]) {
    if (given[field] !== expected[field])
      throw new Fault('inconsistent_response', { what: `${field} differs` })
  }
}
