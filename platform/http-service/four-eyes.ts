/**
 * Operations with `x-four-eyes` (`true`, or the kind by which a policy names them) are not carried out at
 * once while a second person must agree. The call is checked like any other and becomes a proposal. The same
 * handler runs when another person approves it.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { isPlainText } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Caller } from './caller.ts'
import type { Operation } from './openapi-operations.ts'

/** The input of an operation, checked by its schemas. */
export type CallInput = { params: Record<string, string>; query: Record<string, unknown>; body: unknown }

/** A call that was checked but not carried out. */
type ProposedCall = CallInput & { operation: string; target: string; reason: string; caller: Caller }

/** The answer to the caller of such an operation, with 202. */
type Proposed = { id: string; contentSha256: string; state: string; expiresAt: string }

export type FourEyes = {
  /**
   * False while there is no second person to ask, or where the policy does not name the operation or has no
   * part in this call of it: then it is carried out at once. Without an operation: whether any needs a second
   * person.
   */
  isRequired(operation?: Operation, call?: CallInput): Promise<boolean>
  propose(call: ProposedCall): Promise<Proposed>
  /**
   * Throws `key_without_person` for a key that no person is responsible for, while a second person is
   * required.
   */
  checkAnswerable(caller: Caller): Promise<void>
}

/** An approved call: `caller` asked for it, `approver` agreed. */
export type ApprovedCall = CallInput & {
  operation: string
  target: string
  proposal: string
  reason: string
  caller: Caller
  approver: Caller
}

const MAX_REASON = 500

/**
 * Throws Error if a marked operation only reads, or if its input contains a secret: proposals are stored and
 * shown in plain text.
 */
export function checkProposable(operations: Operation[], fourEyes: FourEyes | undefined): void {
  const marked = operations.filter((operation) => operation.fourEyes)
  if (operations.some((one) => one.fourEyes || one.emergency) && fourEyes === undefined)
    throw new Error(
      `nobody keeps proposals of [${marked.map(({ id }) => id)}] or knows who acts in an emergency`,
    )
  const reading = marked.filter(({ method }) => method === 'GET').map(({ id }) => id)
  if (reading.length > 0) throw new Error(`[${reading}] change nothing that a second person could agree to`)
  const secret = marked.filter((operation) => operation.hasSecrets()).map(({ id }) => id)
  if (secret.length > 0) throw new Error(`proposals of [${secret}] would hold secrets`)
}

/**
 * The caller's reason: the header X-Reason, in percent-encoded UTF-8, since headers are ASCII. Throws
 * `invalid_input`.
 */
export function reasonOf(request: { headers: IncomingHttpHeaders }): string {
  const header = request.headers['x-reason']
  try {
    return checkReason(typeof header === 'string' ? decodeURIComponent(header) : '')
  } catch (cause) {
    throw new Fault('invalid_input', {
      what: say`a second person decides about this: the header X-Reason, percent-encoded, has to say why in 1 to 500 characters`,
      cause,
    })
  }
}

/** Checks a reason for people, of one or more lines; returns it trimmed. Throws `invalid_input`. */
export function checkReason(text: string): string {
  const reason = text.trim()
  if (!isPlainText(reason.replaceAll('\n', ' '), MAX_REASON)) {
    throw new Fault('invalid_input', {
      what: say`a reason has 1 to ${MAX_REASON} characters, no control characters and no direction marks`,
    })
  }
  return reason
}
