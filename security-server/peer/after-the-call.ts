/**
 * Guarantees that a fault which leaves once the request may have been carried out says nothing to the contrary: a code that the
 * catalogue gives only before that becomes one that is true.
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

/** The fault as it may leave; `otherwise` is the code of what has none of its own. A peer's fault stays the peer's. */
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
