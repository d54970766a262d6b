/** Reads times that callers send. */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

/** Throws `invalid_input` for a text that is not a time. */
export function timeOf(text: string): Date {
  const time = new Date(text)
  // RFC 3339 allows leap seconds, Date does not.
  if (Number.isNaN(time.getTime()))
    throw new Fault('invalid_input', { what: say`${text.slice(0, 40)} is not a time` })
  return time
}

/** The form that the database compares: UTC, whatever time zone the caller used. Throws `invalid_input`. */
export function isoTime(text: string | undefined): string | undefined {
  return text === undefined ? undefined : timeOf(text).toISOString()
}
