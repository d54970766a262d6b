/** Times as the hours and days by which the log counts. */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

/** The whole hours that cover these times. */
export function hours(start: number, end: number): { from: string; to: string } {
  return { from: hourText(start), to: hourText(Math.ceil(end / HOUR_MS) * HOUR_MS) }
}

export function days(start: number, end: number): { from: string; to: string } {
  return { from: hourText(start - (start % DAY_MS)), to: hourText(Math.ceil(end / DAY_MS) * DAY_MS) }
}

/**
 * Throws `invalid_input` for a time whose year has not four digits: such a text does not compare as the
 * others do.
 */
function hourText(time: number): string {
  const text = new Date(time).toISOString()
  if (!/^\d{4}-/.test(text))
    throw new Fault('invalid_input', { what: say`a time lies outside of the years 0 to 9999` })
  return text.slice(0, 13)
}

export function stepsOf({ from, to }: { from: string; to: string }, step: 'hour' | 'day'): string[] {
  const [start, end] = [Date.parse(`${from}:00Z`), Date.parse(`${to}:00Z`)]
  const ms = step === 'hour' ? HOUR_MS : DAY_MS
  const length = step === 'hour' ? 13 : 10
  const count = Math.max(0, Math.round((end - start) / ms))
  return Array.from({ length: count }, (_, at) => new Date(start + at * ms).toISOString().slice(0, length))
}
