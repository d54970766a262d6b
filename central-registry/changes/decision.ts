/** Who decides, when, and how that is told; pure. */
import type { Caller } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'

/** Who acts, when, and who that is in words, with a second person where there is one. */
export type Act = { by: { id: string; name: string }; at: string; words: string }

export function actOf(caller: Caller, now: number, approver?: Caller): Act {
  const name = approver === undefined ? caller.name : `${caller.name}, approved by ${approver.name}`
  return { by: { id: caller.id, name }, at: new Date(now).toISOString(), words: wordsOf(caller, approver) }
}

/** Who decided, with a second person where there was one, as the events of a contract keep it. */
export function wordsOf(caller: Caller, approver?: Caller): string {
  const named = ({ kind, name, id }: Caller): string => `${name} (${kind} ${id})`
  return approver === undefined ? named(caller) : `${named(caller)}, approved by ${named(approver)}`
}

/** A reason that the requester reads: 1 to 1000 characters without control characters. */
export function checkReason(reason: string): string {
  if (reason.trim() === '' || /[\p{Cs}\u202a-\u202e\u2066-\u2069]|(?!\n)\p{Cc}/u.test(reason))
    throw new Fault('invalid_input', { what: 'a reason in words is needed, without control characters' })
  return reason
}
