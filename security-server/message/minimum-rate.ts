/**
 * Guarantees that a body which arrives too slowly is given up. The socket's idle time-out ends silence; this
 * check ends a body that sends a byte now and then and would occupy a connection for ever.
 */
import { performance } from 'node:perf_hooks'
import { Fault, type FaultCode } from '#schemas/fault.ts'

const GRACE_MS = 60_000
const SLOWEST_BYTES_PER_SECOND = 1024

/**
 * Call the returned function with every chunk: from the second minute on it throws `tooSlow` when the average
 * is below 1 KiB a second.
 */
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
