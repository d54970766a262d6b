/** What a failure says: something of this one event, or of the way that it has to go. */
import { Fault, type FaultCode } from '#schemas/fault.ts'

/** With these a security server answers for one event that is handed over; again it would answer the same. */
const REFUSED: readonly FaultCode[] = [
  ...(['invalid_event', 'malformed_json', 'body_too_large'] as const),
  ...(['event_id_reused', 'delivery_expired'] as const),
  // In a room: its data are not as its type says; it was published before, and taken back.
  ...(['not_as_described', 'conflict'] as const),
]
/** With these it answers that an event of an inbox is over: it need not be acknowledged any more. */
const OVER: readonly FaultCode[] = ['delivery_expired', 'delivery_discarded', 'not_found']

/** Whether a code says something of one event. */
export function isOfOneEvent(code: string): code is FaultCode {
  return [...REFUSED, ...OVER].some((one) => one === code)
}

export function isRefused(thrown: unknown): boolean {
  return thrown instanceof Fault && REFUSED.includes(thrown.code)
}

export function isOver(thrown: unknown): boolean {
  return thrown instanceof Fault && OVER.includes(thrown.code)
}

/** In words, for operators. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : 'it failed'
}
