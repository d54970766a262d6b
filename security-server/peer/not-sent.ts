/**
 * Distinguishes a failure before the first byte was sent from a later one: only the earlier one proves that
 * nothing was carried out.
 */
import { asFault, Fault } from '#schemas/fault.ts'

/** The original fault, marked: the other side, a peer or a local system, cannot have received the request. */
export class NotSent extends Fault {
  constructor(reason: unknown) {
    const { code, what, detail, cause, retryAfter } = asFault(reason)
    super(code, { what, detail, cause, retryAfter })
  }
}

/** Runs the work that precedes the first byte and marks its failures with NotSent. */
export async function beforeSending<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw cause instanceof NotSent ? cause : new NotSent(cause)
  }
}
