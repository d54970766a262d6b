/**
 * Guarantees that the reply carries the provider member's signature and is bound to its request by ids and
 * hash (pr-rest).
 */
import { hash } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { memberOf } from '#schemas/identifiers.ts'
import { discardOnFailure } from '../message/body.ts'
import type { ReplyMessage } from '../message/message.ts'
import type { FieldsOnRecord } from '../peer/fields-on-record.ts'
import type { Signed } from '../peer/sign-message.ts'
import type { Intent } from './log-intent.ts'
import type { FilteredAnswer } from './remove-fields.ts'
import type { ProviderRooms } from './rooms.ts'

export type SignedReply = Signed<ReplyMessage & { fields: FieldsOnRecord | undefined }>

export function sign(answer: FilteredAnswer, intent: Intent, rooms: ProviderRooms): Promise<SignedReply> {
  const { body, fields } = answer
  return discardOnFailure(body, async () => {
    const { message, reply } = await messageOf(answer, intent)
    const messageSha512 = hash('sha512', message, 'buffer')
    // The configuration, or the grace of the contract, may have ended while the system worked.
    rooms.globalConfiguration.currentWithin(intent.terms.graceMs ?? 0)
    return rooms.signMessage(memberOf(intent.request.service), {
      message,
      messageSha512,
      body,
      reply,
      fields,
    })
  })
}

/**
 * The system was called: headers or a status that may not stand in a message are its failure, not the
 * client's.
 */
async function messageOf(
  answer: FilteredAnswer,
  intent: Intent,
): Promise<Pick<ReplyMessage, 'message' | 'reply'>> {
  try {
    return await intent.codec.writeReply(answer, intent)
  } catch (cause) {
    // A fault that the system answered with is its own word.
    if (cause instanceof Fault && (cause.received !== undefined || cause.code === 'service_failed'))
      throw cause
    throw new Fault('service_failed', { what: 'its answer cannot be put into a message', cause })
  }
}
