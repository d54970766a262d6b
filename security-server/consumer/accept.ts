/**
 * Guarantees a request whose every byte is understood in one way: who asks whom for what, as its protocol
 * says (pr-rest, pr-mess).
 */
import { hash, randomUUID } from 'node:crypto'
import type { AcceptedMessage, ClientRequest, Codec, RequestMessage } from '../message/codec.ts'
import { beginCourse, type Course, sizeOf } from '../peer/course.ts'
import { keeperOfPreview } from './keeper-of-preview.ts'
import type { ConsumerRooms } from './rooms.ts'

/**
 * In the place of a connection: the client system proved itself when it handed the message over, and is gone.
 */
export const HANDED_OVER = 'handed over'

const ofOperator = Symbol('of the operator')

/** A request as it stands on our listener, nothing of its content read. */
export type Arrival = ClientRequest & {
  /** The protocol of its route. */
  codec: Codec
  /**
   * Undefined on the plain HTTP listener; the hash when the client system presented a certificate.
   * HANDED_OVER when this server sends what the system handed over before.
   */
  tls: { certificateSha256: string | undefined } | typeof HANDED_OVER | undefined
  /** Set by `arrivalOfOperator` alone, for what did not come by a listener of client systems. */
  readonly [ofOperator]?: true
  /** Of an exchange. */
  course?: Course
}

/**
 * A request that somebody whom the management API let in sends as a subsystem: no system proves itself for
 * it. Everything else is asked of it as of any other.
 */
export function arrivalOfOperator(request: ClientRequest, codec: Codec): Arrival {
  return { ...request, codec, tls: undefined, [ofOperator]: true }
}

export function isOfOperator(arrival: Arrival): boolean {
  return arrival[ofOperator] === true
}

/** Its body is still to be taken. */
export type Accepted = Omit<RequestMessage, 'body'> &
  Pick<AcceptedMessage, 'takeBody'> & {
    isOfOperator: boolean
    /** What the monitoring is told in the end. */
    course: Course
  }

/**
 * Reads the message and gives it its ids: x-road-request-id always ours, x-road-id only when a REST client
 * sent none.
 */
export async function accept(arrival: Arrival, rooms: ConsumerRooms): Promise<Accepted> {
  const { codec } = arrival
  const ids = { requestId: randomUUID(), generatedId: `${rooms.server.instance}-${randomUUID()}` }
  const { message, request: asked, takeBody } = await codec.accept(arrival, ids, rooms.limits)
  const request = {
    ...asked,
    securityServer: asked.securityServer ?? keeperOfPreview({ codec, request: asked }, rooms),
  }
  const messageSha512 = hash('sha512', message, 'buffer')
  const course = arrival.course ?? beginCourse('consumer', rooms.clock)
  course.asked = sizeOf({ message, body: undefined })
  course.trace = rooms.tracing.begin(headerOf(arrival.rawHeaders, 'traceparent'))
  return { codec, request, message, messageSha512, takeBody, isOfOperator: isOfOperator(arrival), course }
}

/** Of a header that may be repeated the first value; SOAP keeps none of these headers. */
function headerOf(rawHeaders: string[], name: string): string | undefined {
  const at = rawHeaders.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name)
  return at === -1 ? undefined : rawHeaders[at + 1]
}
