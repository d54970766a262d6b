import { Fault } from '#schemas/fault.ts'
import type { Word } from '#schemas/said.ts'

/** The fault for two parts of the log that do not match. */
export function inconsistent(what: Word, cause?: unknown): Fault {
  return new Fault('log_inconsistent', { what, cause })
}
