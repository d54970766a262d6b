/** Turns faults of the DER reader into `malformed_timestamp`. */
import { Fault } from '#schemas/fault.ts'

/** Runs a reader; `what` names the structure for the fault. */
export function asTimeStampFault<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof Fault) || cause.code !== 'malformed_der') throw cause
    throw new Fault('malformed_timestamp', { what: `${what}: ${cause.what}`, cause })
  }
}

/** Creates the fault for a readable token that must not be trusted. */
export function invalidTimeStamp(what: string): Fault {
  return new Fault('timestamp_invalid', { what })
}
