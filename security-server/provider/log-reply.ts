/** Guarantees that the signed reply is durable in our log before a byte of it leaves. */
import { discardOnFailure } from '../message/body.ts'
import { fieldsOnRecord } from '../peer/fields-on-record.ts'
import { levelOfReply } from '../peer/level-of-reply.ts'
import { type Logged, logMessage } from '../peer/log-message.ts'
import type { Intent } from './log-intent.ts'
import type { ProviderRooms } from './rooms.ts'
import type { SignedReply } from './sign.ts'

export type LoggedReply = Logged<SignedReply>

export function logReply(signed: SignedReply, intent: Intent, rooms: ProviderRooms): Promise<LoggedReply> {
  const { request, visit, terms, record } = intent
  const facts = {
    kind: 'reply',
    direction: 'out',
    ids: { id: request.id, requestId: request.requestId },
    client: request.client,
    service: request.service,
    peer: visit.peer,
    time: new Date(rooms.clock()),
    outcome: 'ok',
    ...terms,
    ...levelOfReply(request, terms.logLevel),
    answers: record.index,
    extra: { status: `${signed.reply.status}`, ...fieldsOnRecord(signed.fields) },
  } as const
  return discardOnFailure(signed.body, () => logMessage(signed, facts, rooms.messageLog))
}
