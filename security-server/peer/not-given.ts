/**
 * Distinguishes a refusal after our system has answered from a failure: it was asked, by a call that only
 * reads, and nothing of it was given.
 */
import type { Fault } from '#schemas/fault.ts'

/** Carries the fault that is told. */
export class NotGiven extends Error {
  readonly fault: Fault

  constructor(fault: Fault) {
    super(fault.message, { cause: fault })
    this.fault = fault
  }
}
