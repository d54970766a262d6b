/**
 * Guarantees that a reply which cannot be read is held against the server that sent it, never against the
 * asking system.
 */
import { asFault, Fault } from '#schemas/fault.ts'
import { catalogue } from '#schemas/fault-catalogue.ts'

/** Runs what reads a reply; a failure whose code would blame the client becomes `invalid_message`. */
export async function blamePeer<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const { code, what, received, detail } = asFault(cause)
    // Of the reply it has a code of its own (after-the-call.ts).
    if (code === 'body_too_large') throw cause
    if (received !== undefined || catalogue[code].blame !== 'client') throw cause
    throw new Fault('invalid_message', {
      what: `the reply: ${code}${what === undefined ? '' : `, ${what}`}`,
      detail,
      cause,
    })
  }
}
