/**
 * Operations that bear `x-four-eyes: true` are not carried out by their caller while a second person has to agree: the
 * call, checked like any other, becomes a proposal, and the same handler runs when somebody else approves it.
 */
import type { FastifyRequest } from 'fastify'
import { isPlainText } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import type { Caller } from './caller.ts'
import type { Operation } from './openapi-operations.ts'

/** What an operation is called with, as its schemas allow it. */
export type CallInput = { params: Record<string, string>; query: Record<string, unknown>; body: unknown }

/** A call that was checked and is not carried out. */
type ProposedCall = CallInput & { operation: string; target: string; reason: string; caller: Caller }

/** What the caller of such an operation is told, with 202. */
type Proposed = { id: string; contentSha256: string; state: string; expiresAt: string }

export type FourEyes = {
  /** False while there is no second person to ask: then the call acts at once. */
  isRequired(): Promise<boolean>
  propose(call: ProposedCall): Promise<Proposed>
  /** Throws `key_without_person` for a caller behind whom nobody stands, while a second person is required. */
  checkAnswerable(caller: Caller): Promise<void>
}

/** An approved call: by whom it was asked for, and who agreed. */
export type ApprovedCall = CallInput & {
  operation: string
  target: string
  proposal: string
  reason: string
  caller: Caller
  approver: Caller
}

const MAX_REASON = 500

/** Throws Error when a marked operation only reads, or its input holds a secret: a proposal is kept in plain, and shown. */
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

/** Why the caller asks: the header X-Reason, percent-encoded UTF-8 as headers carry no other. Throws `invalid_input`. */
export function reasonOf(request: FastifyRequest): string {
  const header = request.headers['x-reason']
  try {
    return checkReason(typeof header === 'string' ? decodeURIComponent(header) : '')
  } catch (cause) {
    throw new Fault('invalid_input', {
      what: 'a second person decides about this: the header X-Reason, percent-encoded, has to say why in 1 to 500 characters',
      cause,
    })
  }
}

/** A reason that people read, in one line or more. */
export function checkReason(text: string): string {
  const reason = text.trim()
  if (!isPlainText(reason.replaceAll('\n', ' '), MAX_REASON)) {
    throw new Fault('invalid_input', {
      what: `a reason has 1 to ${MAX_REASON} characters, no control characters and no direction marks`,
    })
  }
  return reason
}
