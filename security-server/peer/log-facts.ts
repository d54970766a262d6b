/**
 * What the log line of a failed exchange says about its fault. Texts that repeat what a client sent or that another
 * server wrote stay out: a personal code in the wrong place of a path must not reach a log (DESIGN 3.9).
 */
import type { Fault, FaultCode } from '#schemas/fault.ts'

/** Their `what` quotes identifiers that nobody registered. */
const QUOTE_THE_CLIENT: ReadonlySet<FaultCode> = new Set([
  'invalid_client_identifier',
  'unknown_member',
  'unknown_service',
])
const ID = /^[A-Za-z0-9._:-]{1,64}$/
const TYPE = /^[A-Za-z0-9_.]{1,200}$/

type FaultFacts = {
  outcome: string
  /** The code that a peer gave. */
  type: string | undefined
  /** Found in the log of the other server too. */
  detail: string | undefined
  what: string | undefined
  /** Not `err`: the log describes an Error there, and this is only what may be said of one. */
  cause: { type: string; message: string; stack?: string | undefined } | undefined
}

export function factsOf(fault: Fault): FaultFacts {
  const { code, detail, received } = fault
  const quoted = received !== undefined || QUOTE_THE_CLIENT.has(code)
  return {
    outcome: code,
    type: received !== undefined && TYPE.test(received.type) ? received.type : undefined,
    detail: ID.test(detail) ? detail : undefined,
    what: quoted ? undefined : fault.what,
    cause: quoted ? undefined : causeOf(fault),
  }
}

/** The cause by its name and message; where it was thrown only when nobody foresaw it. */
function causeOf({ code, cause }: Fault): FaultFacts['cause'] {
  if (!(cause instanceof Error)) return undefined
  const facts = { type: cause.name, message: cause.message }
  return code === 'internal_error' ? { ...facts, stack: cause.stack } : facts
}
