/**
 * The course of one exchange: when it came and went, between whom, how large. Its steps put down here what
 * they see; at its end the monitoring is handed it. Nothing on the message path waits for that, and nothing
 * of a message's content is in it.
 */
import type { Clock } from '#platform/clock.ts'
import { asFault, type Fault, type FaultOrigin, type WireFault, wireFault } from '#schemas/fault.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { Body } from '../message/body.ts'
import type { Request } from '../message/message.ts'
import type { TermsOnRecord } from './terms-on-record.ts'
import type { BeginTrace, Trace } from './trace.ts'

/** Times are milliseconds since 1970. */
export type Course = {
  half: 'consumer' | 'provider'
  /** The request was here. */
  requestIn: number
  /** It left for the other server, or for our system. */
  requestOut?: number
  /** The answer was here. */
  responseIn?: number
  /** The answer leaves. */
  responseOut?: number
  /**
   * Of a client that its server has among its own, or that proved itself here: what anybody may claim has no
   * record.
   */
  request?: Request
  /** Refused by the thousand where something is used up or busy: in the counts, without a record. */
  isOnlyCounted?: true
  asked?: Size
  answered?: Size
  /** The other security server. */
  peer?: ServerId
  /** As our own description of the service has it. */
  serviceType?: string
  /** The pattern of the endpoint, as it is described. */
  endpoint?: string | undefined
  /**
   * As in the terms of its records; 0 under a contract that is not secret. Undefined while it is not known to
   * go under a contract.
   */
  secrecy?: 0 | 1 | 2 | undefined
  /** Of a REST answer. */
  status?: number
  fault?: WireFault
  /** Undefined when it belongs to none. */
  trace?: Trace | undefined
}

/** Octets of the message, of what stands beside it, and how many attachments that are. */
type Size = { message: number; body: number; attachments: number }

/** Takes a course that has ended; never throws, and does nothing that takes time. */
export type EndOfCourse = (course: Course) => void

/** What traces need of an exchange. */
export type Tracing = { begin: BeginTrace; ended: EndOfCourse }

export function beginCourse(half: Course['half'], clock: Clock): Course {
  return { half, requestIn: clock() }
}

export function sizeOf({ message, body }: { message: Buffer; body: Body | undefined }): Size {
  return { message: message.length, body: body?.size ?? 0, attachments: body?.attachments?.length ?? 0 }
}

/** How secret an exchange under these terms is, for its course. */
export function secrecyOf({
  contract,
  secrecy,
}: Pick<TermsOnRecord, 'contract' | 'secrecy'>): Course['secrecy'] {
  return secrecy ?? (contract === '' ? undefined : 0)
}

/** Runs an exchange, and hands its course over when it has ended, also in a failure. */
export async function watched<T>(
  q: { half: Course['half']; origin: FaultOrigin },
  rooms: { clock: Clock; endOfCourse: EndOfCourse; tracing: Pick<Tracing, 'ended'> },
  run: (course: Course) => Promise<T>,
  /** The fault with which `run` ends. */
  faultOf: (thrown: unknown) => Fault = asFault,
): Promise<T> {
  const course = beginCourse(q.half, rooms.clock)
  try {
    return await run(course)
  } catch (thrown) {
    course.fault = wireFault(faultOf(thrown), q.origin)
    throw thrown
  } finally {
    course.responseOut = rooms.clock()
    rooms.endOfCourse(course)
    rooms.tracing.ended(course)
  }
}
