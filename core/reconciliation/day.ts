/**
 * Which day an exchange belongs to: the day, in UTC, of the signing time in the signature of its request. Both logs hold
 * the same octets of that signature, so both sides give the same day, however their clocks differ.
 */
import { Fault } from '#schemas/fault.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const DAY = /^\d{4}-\d{2}-\d{2}$/
/** A day is compared when it has been over for so long: what was open at its end is closed by then. */
const SETTLED_AFTER_MS = DAY_MS
/** A record may be this much older than its signature: clocks of servers and nodes differ. */
const BEFORE_MS = 15 * MINUTE_MS
/** And this much younger: an upload may take an hour, and the reply that closes the exchange comes after it. */
const AFTER_MS = 180 * MINUTE_MS
/** Older days are not begun with. */
const OLDEST_DAYS = 31

/** "2026-11-24" for any moment of that day. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

/** When the day begins, in ms; throws `invalid_input` for what is no day. */
export function startOf(day: string): number {
  const start = DAY.test(day) ? Date.parse(`${day}T00:00:00.000Z`) : Number.NaN
  if (Number.isNaN(start) || dayOf(start) !== day) throw new Fault('invalid_input', { what: 'it is no day' })
  return start
}

/** The times, as ISO texts, between which records about exchanges of this day were written. */
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

/** The settled days that may still be begun with, oldest first. */
export function openDays(now: number): string[] {
  const last = Math.floor((now - 2 * DAY_MS) / DAY_MS)
  const days = Array.from({ length: OLDEST_DAYS }, (_, i) => dayOf((last - i) * DAY_MS))
  return days.filter((day) => isSettled(day, now) && !isTooOld(day, now)).reverse()
}

/** The signing time of a signature document that was verified when it was logged; NaN when it has none. */
export function signingTimeOf(document: Buffer): number {
  const [, text = ''] = SIGNING_TIME.exec(document.toString('latin1')) ?? []
  return Date.parse(text)
}

const SIGNING_TIME = /<(?:[\w.-]{1,40}:)?SigningTime>([^<]{1,40})</
