/**
 * Which day an exchange belongs to: the day, in UTC, of the signing time in the signature of its request.
 * Both logs have the same octets of that signature, so both sides compute the same day, however their clocks
 * differ.
 */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const DAY = /^\d{4}-\d{2}-\d{2}$/
/**
 * How long a day must be over before it is compared: exchanges that were open at its end are closed by then.
 */
const SETTLED_AFTER_MS = DAY_MS
/** How much earlier than its signature a record may be: clocks of servers and nodes differ. */
const BEFORE_MS = 15 * MINUTE_MS
/** How much later: an upload may take an hour, and the reply that closes the exchange comes after it. */
const AFTER_MS = 180 * MINUTE_MS
/** Reconciliation is not started for older days. */
const OLDEST_DAYS = 31

/** "2026-11-24" for any moment of that day. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

/** When the day begins, in ms; throws `invalid_input` if the text is not a day. */
export function startOf(day: string): number {
  const start = DAY.test(day) ? Date.parse(`${day}T00:00:00.000Z`) : Number.NaN
  if (Number.isNaN(start) || dayOf(start) !== day)
    throw new Fault('invalid_input', { what: say`it is no day` })
  return start
}

/** The times (ISO) between which a log may have written records of this day's exchanges. */
export function windowOf(day: string): { from: string; to: string } {
  const start = startOf(day)
  const iso = (ms: number): string => new Date(ms).toISOString()
  return { from: iso(start - BEFORE_MS), to: iso(start + DAY_MS + AFTER_MS) }
}

export function isSettled(day: string, now: number): boolean {
  return now >= startOf(day) + DAY_MS + SETTLED_AFTER_MS
}

export function isTooOld(day: string, now: number): boolean {
  return now > startOf(day) + OLDEST_DAYS * DAY_MS
}

/** The settled days for which reconciliation may still be started, oldest first. */
export function openDays(now: number): string[] {
  const last = Math.floor((now - 2 * DAY_MS) / DAY_MS)
  const days = Array.from({ length: OLDEST_DAYS }, (_, i) => dayOf((last - i) * DAY_MS))
  return days.filter((day) => isSettled(day, now) && !isTooOld(day, now)).reverse()
}

/** The signing time in a signature document, which was verified when it was logged; NaN when it has none. */
export function signingTimeOf(document: Buffer): number {
  const [, text = ''] = SIGNING_TIME.exec(document.toString('latin1')) ?? []
  return Date.parse(text)
}

const SIGNING_TIME = /<(?:[\w.-]{1,40}:)?SigningTime>([^<]{1,40})</
