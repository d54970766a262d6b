/**
 * The days that a person chose, as the portal's time zone has them: what is asked for them, and what is
 * shown.
 */
import { SAME_TIME_MS } from '../joining/join.ts'
import type { Row } from '../joining/row.ts'

/** Days "2026-11-29", both included. */
export type Period = { from?: string; until?: string }

/** Instants, of which the last is not included. */
export type Span = { from?: number; until?: number }

const DAY_MS = 24 * 3_600_000
const MONTH_LENGTH = 7

export function spanOf({ from, until }: Period, timeZone: string): Span {
  return {
    ...(from !== undefined && { from: midnight(Date.parse(from), timeZone) }),
    ...(until !== undefined && { until: midnight(Date.parse(until) + DAY_MS, timeZone) }),
  }
}

/** The day of an instant there: "2026-11-29". */
export function dayOf(time: string, timeZone: string): string {
  const at = Date.parse(time)
  return new Date(at + offsetOf(at, timeZone)).toISOString().slice(0, 'yyyy-mm-dd'.length)
}

/**
 * A little more than the span: two clocks may put one exchange on different sides of midnight, and both rows
 * are needed.
 */
export function askedSpanOf({ from, until }: Span): Period {
  return {
    ...(from !== undefined && { from: new Date(from - SAME_TIME_MS).toISOString() }),
    ...(until !== undefined && { until: new Date(until + SAME_TIME_MS).toISOString() }),
  }
}

/** Of a use that is told in general terms only the month is known, so it is always shown. */
export function isWithin({ from, until }: Span, { time }: Pick<Row, 'time'>): boolean {
  if (time.length <= MONTH_LENGTH) return true
  const at = Date.parse(time)
  return (from === undefined || at >= from) && (until === undefined || at < until)
}

/**
 * When a day begins there; `day` is its midnight in UTC. A day whose midnight the clocks leave out begins an
 * hour later.
 */
function midnight(day: number, timeZone: string): number {
  const guess = day - offsetOf(day, timeZone)
  return day - offsetOf(guess, timeZone)
}

/** How far clocks there are ahead of UTC. */
function offsetOf(at: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en', {
    ...{ timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
  }).formatToParts(at)
  const [year, month, day, hour, minute, second] = (
    ['year', 'month', 'day', 'hour', 'minute', 'second'] as const
  ).map((name) => Number(parts.find(({ type }) => type === name)?.value)) as [
    ...[number, number, number],
    ...[number, number, number],
  ]
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000
}
