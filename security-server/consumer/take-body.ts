/** Guarantees that the whole body is spooled with its digest, within the limit; no body part exists when not one byte came. */
import { hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { Fault } from '#schemas/fault.ts'
import type { Allowed, Body, RequestMessage } from '../peer/message.ts'
import { createPace } from '../peer/pace.ts'
import type { Accepted, Arrival } from './accept.ts'
import type { ConsumerRooms } from './rooms.ts'

export async function takeBody(
  accepted: Allowed<Accepted>,
  arrival: Arrival,
  rooms: ConsumerRooms,
): Promise<Allowed<RequestMessage>> {
  const messageSha512 = hash('sha512', accepted.bytes, 'buffer')
  const body = arrival.content === undefined ? undefined : await spool(arrival.content, rooms)
  const { request, requestId, bytes } = accepted
  return { request, requestId, message: bytes, messageSha512, body } as Allowed<RequestMessage>
}

async function spool(content: Readable, rooms: ConsumerRooms): Promise<Body | undefined> {
  let pending: ReturnType<ConsumerRooms['messageLog']['spool']['begin']> | undefined
  const keepPace = createPace('request_timeout')
  try {
    // Not destroyed on failure: that would close the socket before the fault could be answered.
    for await (const chunk of content.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      keepPace(chunk)
      pending ??= rooms.messageLog.spool.begin({ maxBytes: rooms.limits.maxBodyBytes })
      const full = pending.write(chunk)
      if (full !== undefined) await full
    }
    return await pending?.end()
  } catch (cause) {
    await pending?.abort()
    if (cause instanceof Fault) throw cause
    throw new Fault('invalid_request', { what: 'the body was cut off', cause })
  }
}
