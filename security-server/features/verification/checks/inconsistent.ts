import { Fault } from '#schemas/fault.ts'

/** What a verifier throws when two things that must fit do not. */
export function inconsistent(what: string, cause?: unknown): Fault {
  return new Fault('log_inconsistent', { what, cause })
}
