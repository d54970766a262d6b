/**
 * Reads what a provider's server states of a request that got no reply: that it refused it, or that its
 * system answered with a fault.
 */
import { isFaultStatement, readFaultStatement } from '#core/transport/fault-statement.ts'
import { readRefusalStatement } from '#core/transport/refusal-statement.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

/** A copy of the request was refused: that leaves open what became of the first one. */
const REPLAYED = /(?:^|\.)replayed_request$/i

/**
 * The statement in a record of this kind. `requestHash` is '' if the body was not read. Throws
 * `invalid_message`, also for a refusal that an unknown outcome cannot have.
 */
export function readStatement(
  message: Buffer,
  kind: 'refusal' | 'outcome-unknown',
): { requestId: string; requestHash: string } {
  if (kind === 'outcome-unknown' && isFaultStatement(message)) return readFaultStatement(message)
  const refusal = readRefusalStatement(message)
  if (kind === 'outcome-unknown' && !REPLAYED.test(refusal.type))
    throw new Fault('invalid_message', {
      what: say`it refuses the request, whose outcome is said to be unknown`,
    })
  return refusal
}
