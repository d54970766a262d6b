/** Guarantees that the signed reply is durable in our log before a byte of it leaves. */
import { discardOnFailure } from '../peer/discard-body.ts'
import type { Logged, ReplyMessage, Signed } from '../peer/message.ts'
import type { Intent } from './log-intent.ts'
import type { ProviderRooms } from './rooms.ts'

export async function logReply(
  signed: Signed<ReplyMessage>,
  intent: Intent,
  rooms: ProviderRooms,
): Promise<Logged<Signed<ReplyMessage>>> {
  const { message, body, signature, response } = signed
  const record = await discardOnFailure(body, () =>
    rooms.messageLog.append({
      kind: 'reply',
      direction: 'out',
      ids: { id: intent.request.id!, requestId: intent.requestId },
      client: intent.request.client,
      service: intent.request.service,
      peer: intent.peer,
      time: new Date(rooms.clock()),
      outcome: 'ok',
      message,
      body,
      signature,
      ...intent.terms,
      answers: intent.record.index,
      extra: { status: `${response.status}` },
    }),
  )
  return { ...signed, record } as Logged<Signed<ReplyMessage>>
}
