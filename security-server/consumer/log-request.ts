/** Guarantees that the signed request is durable in our log before a byte of it leaves. */
import { discardOnFailure } from '../peer/discard-body.ts'
import type { Logged, RequestMessage, Signed } from '../peer/message.ts'
import { namedActors } from '../peer/named-actors.ts'
import type { ConsumerRooms } from './rooms.ts'

export async function logRequest(
  signed: Signed<RequestMessage>,
  rooms: ConsumerRooms,
): Promise<Logged<Signed<RequestMessage>>> {
  const { request, requestId, message, body, signature } = signed
  const record = await discardOnFailure(body, () =>
    rooms.messageLog.append({
      kind: 'request',
      direction: 'out',
      ids: { id: request.id!, requestId },
      client: request.client,
      service: request.service,
      peer: undefined,
      time: new Date(rooms.clock()),
      outcome: '',
      message,
      body,
      signature,
      ...signed.terms,
      extra: searchable(signed),
    }),
  )
  return { ...signed, record } as Logged<Signed<RequestMessage>>
}

function searchable({ request }: RequestMessage): Record<string, string> {
  const extra: Record<string, string> = { method: request.method }
  if (request.issue !== undefined) extra['issue'] = request.issue
  return { ...extra, ...namedActors(request) }
}
