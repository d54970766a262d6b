/**
 * Guarantees that a fault thrown after the request may have been carried out does not claim the contrary. A
 * code that the catalogue allows only before the call is replaced with one that is true after it.
 */
import { asFault, Fault, type FaultCode } from '#schemas/fault.ts'
import { catalogue } from '#schemas/fault-catalogue.ts'
import type { FaultEntry } from '#schemas/faults/entry.ts'

const INSTEAD: ReadonlyMap<FaultCode, FaultCode> = new Map([
  ['logging_failed', 'reply_not_logged'],
  ['body_too_large', 'reply_too_large'],
  ['stale_request', 'stale_reply'],
])

/** Whether the text of `code` is true of a request that may have been carried out. */
function mayFollowTheCall(code: FaultCode): boolean {
  const entry: FaultEntry = catalogue[code]
  return entry.given !== undefined
}

/**
 * Returns the fault that may be sent after the call. `otherwise` is the code for faults that have no
 * replacement of their own. A fault that came from a peer is returned unchanged.
 */
export function afterTheCall(
  cause: unknown,
  otherwise: 'reply_not_accepted' | 'reply_not_made',
  isTrue: (code: FaultCode) => boolean = mayFollowTheCall,
): Fault {
  const fault = asFault(cause)
  const { code, what, detail } = fault
  if (fault.received !== undefined || isTrue(code)) return fault
  const instead = INSTEAD.get(code)
  const said = instead === undefined && what !== undefined ? `${code}, ${what}` : (what ?? code)
  return new Fault(instead ?? otherwise, { what: said, detail, cause: fault.cause })
}
