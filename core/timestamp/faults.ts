/** Turns faults of the DER reader into `malformed_timestamp`. */
import { Fault } from '#schemas/fault.ts'

/** Runs a reader; `what` names the structure that it reads. */
export function asTimeStampFault<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof Fault) || cause.code !== 'malformed_der') throw cause
    throw new Fault('malformed_timestamp', { what: `${what}: ${cause.what}`, cause })
  }
}

/** The token says something, but it is not to be believed. */
export function invalidTimeStamp(what: string): Fault {
  return new Fault('timestamp_invalid', { what })
}
