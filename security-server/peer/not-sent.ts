/** Tells a failure before the first byte left from one after it: only the first proves that nothing was carried out. */
import { asFault, Fault } from '#schemas/fault.ts'

/** The failure as it was, with the mark that the other side, peer or system, cannot have seen the request. */
export class NotSent extends Fault {
  constructor(reason: unknown) {
    const { code, what, detail, cause } = asFault(reason)
    super(code, { what, detail, cause })
  }
}

/** Runs what comes before the first byte; its failures get the mark. */
export async function beforeSending<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw cause instanceof NotSent ? cause : new NotSent(cause)
  }
}
