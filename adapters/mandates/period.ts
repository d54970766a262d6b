/** When a mandate begins and ends: days of UTC, of which the last is included, or times. */
import type { ValidityPeriod } from '#schemas/mandates.ts'
import { refuse } from './refusal.ts'

/** ISO times with milliseconds; `endsAt` is the first moment at which it no longer holds. */
type Span = { beginsAt: string; endsAt: string }

/** A mandate without an end. */
const FOREVER = '9999-12-31T23:59:59.999Z'

const ALWAYS = '0000-01-01T00:00:00.000Z'
const DAY_MS = 86_400_000
const DAY = /^\d{4}-\d\d-\d\d$/

/** As a client gives it, where nothing may be null. */
export type GivenPeriod = { from?: string | null; through?: string | null }

/** Throws a refusal for a period that is over, upside down, or names a day that does not exist. */
export function spanOf({ from, through }: GivenPeriod, now: number): Span {
  const begins = from === undefined || from === null ? ALWAYS : momentOf(from, 0)
  const ends = through === undefined || through === null ? FOREVER : momentOf(through, DAY_MS)
  if (begins >= ends || ends <= new Date(now).toISOString()) throw refuse('periodWrong')
  return { beginsAt: begins, endsAt: ends }
}

/** What is written in answers. */
export function periodOf({ from, through }: GivenPeriod): ValidityPeriod | undefined {
  if (!from && !through) return undefined
  return { ...(from && { from }), ...(through && { through }) }
}

/**
 * The period in `outer`: one that goes beyond it is refused, and one without an end takes that of `outer`.
 */
export function within(inner: GivenPeriod, outer: GivenPeriod, now: number): GivenPeriod {
  const [span, bounds] = [spanOf(inner, now), spanOf(outer, now)]
  const isBeyond = inner.through !== undefined && inner.through !== null && span.endsAt > bounds.endsAt
  const isBefore = inner.from !== undefined && inner.from !== null && span.beginsAt < bounds.beginsAt
  if (isBeyond || isBefore) throw refuse('periodWrong')
  return { from: inner.from ?? outer.from ?? null, through: inner.through ?? outer.through ?? null }
}

/** A period of at most so many minutes. Without an end it has the longest. */
export function atMost(period: GivenPeriod, minutes: number | undefined, now: number): GivenPeriod {
  if (minutes === undefined) return period
  const begins = Math.max(now, Date.parse(spanOf(period, now).beginsAt))
  const latest = new Date(begins + minutes * 60_000).toISOString()
  if (!period.through) return { ...period, through: latest }
  if (spanOf(period, now).endsAt > latest) throw refuse('periodWrong')
  return period
}

function momentOf(text: string, afterDayMs: number): string {
  const isDay = DAY.test(text)
  const time = Date.parse(text)
  const day = text.slice(0, 10)
  // JavaScript takes February 31 for March 3.
  if (Number.isNaN(time) || dayOf(day) !== day) throw refuse('periodWrong')
  const moment = new Date(time + (isDay ? afterDayMs : 0))
  if (Number.isNaN(moment.getTime()) || moment.getUTCFullYear() > 9998 || moment.getUTCFullYear() < 1)
    throw refuse('periodWrong')
  return moment.toISOString()
}

function dayOf(day: string): string | undefined {
  const time = Date.parse(`${day}T00:00:00Z`)
  return Number.isNaN(time) ? undefined : new Date(time).toISOString().slice(0, 10)
}
