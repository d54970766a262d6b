/** Guarantees a request whose every byte is understood in one way: who asks whom for what, as its protocol says (wire 1.2, 1.5). */
import { hash, randomUUID } from 'node:crypto'
import type { AcceptedMessage, ClientRequest, Codec, RequestMessage } from '../message/codec.ts'
import type { ConsumerRooms } from './rooms.ts'

/** In the place of a connection: the client system proved itself when it handed the message over, and is gone. */
export const HANDED_OVER = 'handed over'

/** A request as it stands on our listener, nothing of its content read. */
export type Arrival = ClientRequest & {
  /** The protocol of its route. */
  codec: Codec
  /**
   * Undefined on the plain HTTP listener; the hash when the client system presented a certificate. HANDED_OVER when this server sends
   * what the system handed over before.
   */
  tls: { certificateSha256: string | undefined } | typeof HANDED_OVER | undefined
}

/** Its body is still to be taken. */
export type Accepted = Omit<RequestMessage, 'body'> & Pick<AcceptedMessage, 'takeBody'>

/** Reads the message and gives it its ids: x-road-request-id always ours, x-road-id only when a REST client sent none. */
export async function accept(arrival: Arrival, rooms: ConsumerRooms): Promise<Accepted> {
  const { codec } = arrival
  const ids = { requestId: randomUUID(), generatedId: `${rooms.server.instance}-${randomUUID()}` }
  const { message, request, takeBody } = await codec.accept(arrival, ids, rooms.limits)
  return { codec, request, message, messageSha512: hash('sha512', message, 'buffer'), takeBody }
}
