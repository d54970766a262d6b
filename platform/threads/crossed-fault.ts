/** Passes a fault from one thread to another: cloning would lose its class and code. */
import { asFault, Fault, type FaultCode, type WireFault } from '#schemas/fault.ts'

export type CrossedFault = {
  code: FaultCode
  what: string | undefined
  detail: string
  /** Text; '' if there is no cause. */
  cause: string
  received: WireFault | undefined
}

/** The parts of a thrown value to send. A cause that cannot be cloned must not hide the fault itself. */
export function crossFault(thrown: unknown): CrossedFault {
  const { code, what, detail, cause, received } = asFault(thrown)
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? '')
  return { code, what, detail, cause: text, received }
}

/** Rebuilds the fault on the receiving side. */
export function receiveFault({ code, what, detail, cause, received }: CrossedFault): Fault {
  return new Fault(code, { what, detail, cause: cause === '' ? undefined : cause }, received)
}
