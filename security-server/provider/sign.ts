/** Guarantees that the reply carries the provider member's signature and is bound to its request by ids and hash (wire 1.3). */
import { createHash } from 'node:crypto'
import { parseRestResponse, requestHash, writeRestResponse } from '#core/transport/rest-message.ts'
import { memberOf } from '#schemas/identifiers.ts'
import { discardOnFailure } from '../peer/discard-body.ts'
import type { ReplyMessage, Signed } from '../peer/message.ts'
import type { SystemAnswer } from './call.ts'
import type { Intent } from './log-intent.ts'
import type { ProviderRooms } from './rooms.ts'

export async function sign(
  answer: SystemAnswer,
  intent: Intent,
  rooms: ProviderRooms,
): Promise<Signed<ReplyMessage>> {
  const { body } = answer
  return discardOnFailure(body, async () => {
    const { request, requestId } = intent
    const hash = requestHash({ message: intent.messageSha512, body: intent.body?.sha512 })
    const message = writeRestResponse({ ...answer, request, requestId, requestHash: hash })
    const messageSha512 = createHash('sha512').update(message).digest()
    const signature = await rooms.signMessage(memberOf(request.service), { messageSha512, body })
    const response = parseRestResponse(message)
    return { response, message, messageSha512, body, signature } as unknown as Signed<ReplyMessage>
  })
}
