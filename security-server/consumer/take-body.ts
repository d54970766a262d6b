/** Guarantees that the whole body is spooled with its digest, within the limit; no body part exists when not one byte came. */
import type { Readable } from 'node:stream'
import { readStream } from '#core/transport/read-stream.ts'
import { Fault } from '#schemas/fault.ts'
import type { Body } from '../message/body.ts'
import { createRateCheck } from '../peer/minimum-rate.ts'
import type { Arrival } from './accept.ts'
import type { Covered } from './check-contract.ts'
import type { ConsumerRooms } from './rooms.ts'

/** Apart from each other: what was allowed has to be asked again when a body came. */
export type Taken = { covered: Covered; body: Body | undefined }

export async function takeBody(covered: Covered, arrival: Arrival, rooms: ConsumerRooms): Promise<Taken> {
  return { covered, body: arrival.content === undefined ? undefined : await spool(arrival.content, rooms) }
}

async function spool(content: Readable, rooms: ConsumerRooms): Promise<Body | undefined> {
  let pending: ReturnType<ConsumerRooms['messageLog']['spool']['begin']> | undefined
  const checkRate = createRateCheck('request_timeout')
  try {
    // Left as it is on failure: destroying it would close the socket before the fault could be answered.
    await readStream(content, (chunk) => {
      checkRate(chunk)
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
