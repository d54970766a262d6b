/** Puts into words who decided and when; pure. */
import type { Caller } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

/** Who acts and when. `words` describes the person, with the second person where there is one. */
export type Act = { by: { id: string; name: string }; at: string; words: string }

export function actOf(caller: Caller, now: number, approver?: Caller): Act {
  const name = approver === undefined ? caller.name : `${caller.name}, approved by ${approver.name}`
  return { by: { id: caller.id, name }, at: new Date(now).toISOString(), words: wordsOf(caller, approver) }
}

/**
 * Who decided, with the second person where there was one, in the words that the events of a contract store.
 */
export function wordsOf(caller: Caller, approver?: Caller): string {
  const named = ({ kind, name, id }: Caller): string => `${name} (${kind} ${id})`
  return approver === undefined ? named(caller) : `${named(caller)}, approved by ${named(approver)}`
}

/**
 * Returns a reason that the requester will read. Throws `invalid_input` when it is blank or contains control
 * characters other than line feeds, or characters that change the text direction.
 */
export function checkReason(reason: string): string {
  if (reason.trim() === '' || /[\p{Cs}\u202a-\u202e\u2066-\u2069]|(?!\n)\p{Cc}/u.test(reason))
    throw new Fault('invalid_input', { what: say`a reason in words is needed, without control characters` })
  return reason
}
