/**
 * Guarantees that a body which only trickles is given up: silence ends by the idle time-out of its socket, this ends the
 * byte now and then that would hold a connection for ever.
 */
import { performance } from 'node:perf_hooks'
import { Fault, type FaultCode } from '#schemas/fault.ts'

const GRACE_MS = 60_000
const SLOWEST_BYTES_PER_SECOND = 1024

/** Call the result with every chunk: throws `tooSlow` below 1 KiB a second, from the second minute on. */
export function createRateCheck(
  tooSlow: FaultCode,
  now: () => number = () => performance.now(),
): (chunk: Buffer) => void {
  const began = now()
  let bytes = 0
  return (chunk) => {
    bytes += chunk.length
    const seconds = (now() - began - GRACE_MS) / 1000
    if (bytes < seconds * SLOWEST_BYTES_PER_SECOND) {
      throw new Fault(tooSlow, { what: `less than ${SLOWEST_BYTES_PER_SECOND} bytes a second came` })
    }
  }
}
