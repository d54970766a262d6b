/**
 * Reads identifying attributes from a subject. Each must occur once: of several, X-Road takes the last and
 * other programs the first. Faults name the attribute, never its value.
 */
import { Fault } from '#schemas/fault.ts'
import { attributes, type Name } from './name.ts'

/** The one value of an attribute, or undefined; throws `incorrect_certificate` when it occurs twice. */
export function single(subject: Name, which: string): string | undefined {
  const [value, ...more] = attributes(subject, which)
  if (more.length > 0) throw incorrect(`the subject has several attributes ${which}`)
  return value
}

/** As `single`, but also throws when the attribute is absent or empty. */
export function needed(subject: Name, which: string): string {
  const value = single(subject, which)
  if (value === undefined || value === '') throw incorrect(`the subject has no attribute ${which}`)
  return value
}

/** Creates an `incorrect_certificate` fault. */
export function incorrect(what: string, cause?: unknown): Fault {
  return new Fault('incorrect_certificate', { what, cause })
}
