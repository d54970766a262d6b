/** Guarantees a request whose every byte is understood in one way: method, path, identifiers and headers of wire 1.2. */
import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { type RestRequest, readClientRequest, withIds } from '#core/transport/rest-message.ts'
import type { ConsumerRooms } from './rooms.ts'

/** A request as it stands on our listener, its body unread. */
export type Arrival = {
  method: string
  url: string
  rawHeaders: string[]
  /** Undefined when the request has no body. */
  content: Readable | undefined
  /** Undefined on the plain HTTP listener; the hash when the client system presented a certificate. */
  tls: { certificateSha256: string | undefined } | undefined
}

export type Accepted = { request: RestRequest; requestId: string; bytes: Buffer }

/** Reads the head and gives the request its ids: x-road-request-id always ours, x-road-id only when the client sent none. */
export function accept(arrival: Arrival, rooms: ConsumerRooms): Accepted {
  const head = readClientRequest(arrival)
  const requestId = randomUUID()
  const { request, bytes } = withIds(head, {
    requestId,
    generatedId: `${rooms.server.instance}-${randomUUID()}`,
  })
  return { request, requestId, bytes }
}
