/** The exchange with its course: in whichever way one of our systems brought a request, the monitoring is told of it once. */
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
