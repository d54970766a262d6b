/** Guarantees a request whose every byte is understood in one way: method, path, identifiers and headers of wire 1.2. */
import { hash, randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { ClientHead, Codec, RequestMessage } from '../message/codec.ts'
import type { ConsumerRooms } from './rooms.ts'

/** A request as it stands on our listener, its body unread. */
export type Arrival = ClientHead & {
  /** The protocol of its route. */
  codec: Codec
  /** Undefined when the request has no body. */
  content: Readable | undefined
  /** Undefined on the plain HTTP listener; the hash when the client system presented a certificate. */
  tls: { certificateSha256: string | undefined } | undefined
}

export type Accepted = Omit<RequestMessage, 'body'>

/** Reads the head and gives the request its ids: x-road-request-id always ours, x-road-id only when the client sent none. */
export function accept(arrival: Arrival, rooms: ConsumerRooms): Accepted {
  const { codec } = arrival
  const { message, request } = codec.accept(arrival, {
    requestId: randomUUID(),
    generatedId: `${rooms.server.instance}-${randomUUID()}`,
  })
  return { codec, request, message, messageSha512: hash('sha512', message, 'buffer') }
}
