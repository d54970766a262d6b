/**
 * Guarantees that the whole body is spooled with its digest, within the limit; no body part exists when not
 * one byte came.
 */
import type { Body } from '../message/body.ts'
import { secrecyOf, sizeOf } from '../peer/course.ts'
import type { Covered } from './check-contract.ts'
import type { ConsumerRooms } from './rooms.ts'

/** Apart from each other: what was allowed has to be asked again when a body came. */
export type Taken = { covered: Covered; body: Body | undefined }

export async function takeBody(covered: Covered, rooms: ConsumerRooms): Promise<Taken> {
  const body = await covered.takeBody(rooms.messageLog.spool)
  const { course, message, terms } = covered
  course.asked = sizeOf({ message, body })
  course.secrecy = secrecyOf(terms)
  return { covered, body }
}
