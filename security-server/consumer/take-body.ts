/** Guarantees that the whole body is spooled with its digest, within the limit; no body part exists when not one byte came. */
import { hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { readStream } from '#core/transport/read-stream.ts'
import { Fault } from '#schemas/fault.ts'
import type { HeldTerms } from '../peer/held-terms.ts'
import type { Allowed, Body, RequestMessage } from '../peer/message.ts'
import { createPace } from '../peer/pace.ts'
import type { Accepted, Arrival } from './accept.ts'
import type { ConsumerRooms } from './rooms.ts'

export async function takeBody(
  accepted: Allowed<Accepted> & { terms: HeldTerms },
  arrival: Arrival,
  rooms: ConsumerRooms,
): Promise<Allowed<RequestMessage>> {
  const messageSha512 = hash('sha512', accepted.bytes, 'buffer')
  const body = arrival.content === undefined ? undefined : await spool(arrival.content, rooms)
  const { request, requestId, bytes, terms } = accepted
  return { request, requestId, message: bytes, messageSha512, body, terms } as Allowed<RequestMessage>
}

async function spool(content: Readable, rooms: ConsumerRooms): Promise<Body | undefined> {
  let pending: ReturnType<ConsumerRooms['messageLog']['spool']['begin']> | undefined
  const keepPace = createPace('request_timeout')
  try {
    // Left as it is on failure: destroying it would close the socket before the fault could be answered.
    await readStream(content, (chunk) => {
      keepPace(chunk)
      pending ??= rooms.messageLog.spool.begin({ maxBytes: rooms.limits.maxBodyBytes })
      return pending.write(chunk)
    })
    return await pending?.end()
  } catch (cause) {
    await pending?.abort()
    if (cause instanceof Fault && cause.code !== 'connection_lost') throw cause
    throw new Fault('invalid_request', { what: 'the body was cut off', cause })
  }
}
