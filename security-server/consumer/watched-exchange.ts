/**
 * The exchange with its course: the monitoring is told once of each request, be it of a system over HTTP, of
 * a feature or of an operator.
 */
import { watched } from '../peer/course.ts'
import type { Arrival } from './accept.ts'
import type { LoggedAnswer } from './answer.ts'
import { exchange } from './exchange.ts'
import type { ConsumerRooms } from './rooms.ts'

/** Throws what `exchange` throws. */
export function watchedExchange(arrival: Arrival, rooms: ConsumerRooms): Promise<LoggedAnswer> {
  return watched({ half: 'consumer', origin: 'server.clientproxy' }, rooms, (course) =>
    exchange({ ...arrival, course }, rooms),
  )
}
