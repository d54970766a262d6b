import { Fault } from '#schemas/fault.ts'

/** The fault for two parts of the log that do not match. */
export function inconsistent(what: string, cause?: unknown): Fault {
  return new Fault('log_inconsistent', { what, cause })
}
