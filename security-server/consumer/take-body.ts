/** Guarantees that the whole body is spooled with its digest, within the limit; no body part exists when not one byte came. */
import { createHash } from 'node:crypto'
import type { Allowed, Body, RequestMessage } from '../peer/message.ts'
import type { Accepted, Arrival } from './accept.ts'
import type { ConsumerRooms } from './rooms.ts'

export async function takeBody(
  accepted: Allowed<Accepted>,
  arrival: Arrival,
  rooms: ConsumerRooms,
): Promise<Allowed<RequestMessage>> {
  const messageSha512 = createHash('sha512').update(accepted.bytes).digest()
  const body = await spool(arrival, rooms)
  const { request, requestId, bytes } = accepted
  return { request, requestId, message: bytes, messageSha512, body } as Allowed<RequestMessage>
}

async function spool(arrival: Arrival, rooms: ConsumerRooms): Promise<Body | undefined> {
  let pending: ReturnType<ConsumerRooms['messageLog']['spool']['begin']> | undefined
  try {
    for await (const chunk of arrival.content as AsyncIterable<Buffer>) {
      pending ??= rooms.messageLog.spool.begin({ maxBytes: rooms.limits.maxBodyBytes })
      const full = pending.write(chunk)
      if (full !== undefined) await full
    }
    return await pending?.end()
  } catch (cause) {
    await pending?.abort()
    throw cause
  }
}
