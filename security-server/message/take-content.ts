/** Takes the content of a request from its stream, at least at the pace that nobody falls below. */
import type { Readable } from 'node:stream'
import { readStream } from '#core/transport/read-stream.ts'
import { Fault } from '#schemas/fault.ts'
import type { Taker } from './body.ts'
import { createRateCheck } from './minimum-rate.ts'

/**
 * What `begin` makes of the content; undefined when not one byte came. Throws `request_timeout` and what the
 * taker throws.
 */
export async function takeContent<T>(content: Readable, begin: () => Taker<T>): Promise<T | undefined> {
  let taker: Taker<T> | undefined
  const checkRate = createRateCheck('request_timeout')
  try {
    // Left as it is on failure: destroying it would close the socket before the fault could be answered.
    await readStream(content, (chunk) => {
      checkRate(chunk)
      taker ??= begin()
      return taker.write(chunk)
    })
    return await taker?.end()
  } catch (cause) {
    await taker?.abort()
    throw cutOff(cause)
  }
}

/** The fault of a client whose content did not come whole. */
export function cutOff(cause: unknown): Fault {
  if (cause instanceof Fault && cause.code !== 'connection_lost') return cause
  return new Fault('invalid_request', { what: 'the body was cut off', cause })
}
