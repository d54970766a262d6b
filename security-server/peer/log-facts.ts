/**
 * The facts about a fault in the log line of a failed exchange. Texts that repeat what a client sent, or that
 * another server wrote, are left out: a personal code in the wrong place of a path must not reach a log. So
 * are secrets.
 */
import type { Fault, FaultCode } from '#schemas/fault.ts'

/**
 * The `what` of these faults quotes identifiers or names of headers as the client sent them, or says secrets
 * that are for one reader.
 */
const NOT_FOR_LINES: ReadonlySet<FaultCode> = new Set([
  'invalid_client_identifier',
  'invalid_header',
  'preview_required',
  'unknown_member',
  'unknown_service',
])
const ID = /^[A-Za-z0-9._:-]{1,64}$/
const TYPE = /^[A-Za-z0-9_.]{1,200}$/
/** As Node and undici name what failed: ECONNRESET, UND_ERR_SOCKET. */
const SYSTEM_CODE = /^[A-Z][A-Z0-9_]{1,63}$/

type FaultFacts = {
  outcome: string
  /** The fault code that the peer sent. */
  type: string | undefined
  /** The id of the fault; the log of the other server has it too. */
  detail: string | undefined
  what: string | undefined
  /** Not named `err`: the logger would print the whole Error there, and only these facts may be logged. */
  cause: { type: string; message: string; code?: string | undefined; stack?: string | undefined } | undefined
}

export function factsOf(fault: Fault): FaultFacts {
  const { code, detail, received } = fault
  const quoted = received !== undefined || NOT_FOR_LINES.has(code)
  return {
    outcome: code,
    type: received !== undefined && TYPE.test(received.type) ? received.type : undefined,
    detail: ID.test(detail) ? detail : undefined,
    what: quoted ? undefined : fault.what,
    cause: quoted ? undefined : causeOf(fault),
  }
}

/** Name and message of the cause; the stack only for unforeseen errors. */
function causeOf({ code, cause }: Fault): FaultFacts['cause'] {
  if (!(cause instanceof Error)) return undefined
  const facts = { type: cause.name, message: cause.message, code: systemCodeOf(cause) }
  return code === 'internal_error' ? { ...facts, stack: cause.stack } : facts
}

/** Of the error itself or of what it was caused by. */
function systemCodeOf(error: Error): string | undefined {
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  if (typeof code === 'string' && SYSTEM_CODE.test(code)) return code
  return cause instanceof Error ? systemCodeOf(cause) : undefined
}
