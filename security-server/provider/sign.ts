/** Guarantees that the reply carries the provider member's signature and is bound to its request by ids and hash (wire 1.3). */
import { hash } from 'node:crypto'
import { parseRestResponse, requestHash, writeRestResponse } from '#core/transport/rest-message.ts'
import { Fault } from '#schemas/fault.ts'
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
    const { request } = intent
    const asked = requestHash({ message: intent.messageSha512, body: intent.body?.sha512 })
    const { message, response } = messageOf(answer, intent, asked)
    const messageSha512 = hash('sha512', message, 'buffer')
    const signature = await rooms.signMessage(memberOf(request.service), { messageSha512, body })
    return { response, message, messageSha512, body, signature } as unknown as Signed<ReplyMessage>
  })
}

/** The system was called: headers or a status that may not stand in a message are its failure, not the client's. */
function messageOf(
  answer: SystemAnswer,
  { request, requestId }: Intent,
  asked: string,
): Pick<ReplyMessage, 'message' | 'response'> {
  try {
    const message = writeRestResponse({ ...answer, request, requestId, requestHash: asked })
    return { message, response: parseRestResponse(message) }
  } catch (cause) {
    throw new Fault('service_failed', { what: 'its answer cannot be put into a message', cause })
  }
}
