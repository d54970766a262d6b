/** Guarantees that the signed reply is durable in our log before a byte of it leaves. */
import { discardOnFailure } from '../message/body.ts'
import { type Logged, logMessage } from '../peer/log-message.ts'
import type { Intent } from './log-intent.ts'
import type { FieldsOnRecord } from './remove-fields.ts'
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
    answers: record.index,
    extra: { status: `${signed.reply.status}`, ...onRecord(signed.fields) },
  } as const
  return discardOnFailure(signed.body, () => logMessage(signed, facts, rooms.messageLog))
}

/** Names, never values. How many places were cut out stands there where not all names do. */
function onRecord(fields: FieldsOnRecord | undefined): Record<string, string> {
  if (fields === undefined) return {}
  const { names, count, isMore } = fields.removed
  return {
    fieldRule: fields.rule,
    removedFields: JSON.stringify(names),
    ...(isMore && { removedPlaces: `${count}` }),
  }
}
