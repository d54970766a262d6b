/** A fault on its way between threads: cloning would keep neither its class nor its code. */
import { asFault, Fault, type FaultCode } from '#schemas/fault.ts'

export type CrossedFault = {
  code: FaultCode
  what: string | undefined
  detail: string
  /** Text, '' when there is none. */
  cause: string
}

/** What of a thrown value crosses. A cause that cannot be cloned must not hide the fault itself. */
export function crossFault(thrown: unknown): CrossedFault {
  const { code, what, detail, cause } = asFault(thrown)
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? '')
  return { code, what, detail, cause: text }
}

/** The fault as it was on the other side. */
export function receiveFault({ code, what, detail, cause }: CrossedFault): Fault {
  return new Fault(code, { what, detail, cause: cause === '' ? undefined : cause })
}
