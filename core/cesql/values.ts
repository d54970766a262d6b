/**
 * The values of CESQL 1.0, their casts (section 3.7) and the errors that can stand beside a value (section
 * 3.3).
 */
import type { AttributeValue } from '#core/events/cloud-event.ts'

/** A text, a 32-bit integer or a truth. */
export type Value = AttributeValue
export type ValueType = 'string' | 'integer' | 'boolean'

/** An expression that cannot be parsed is a fault and never evaluated, so ParseError is not among these. */
export type ErrorKind =
  | 'math'
  | 'cast'
  | 'missingAttribute'
  | 'missingFunction'
  | 'functionEvaluation'
  | 'generic'

/** An error, with the value that the operator or function has in spite of it. */
type Failure = { readonly error: ErrorKind; readonly value: Value }
export type Outcome = Value | Failure

const ZERO = { string: '', integer: 0, boolean: false } as const
const INTEGER = /^[+-]?[0-9]+$/
const MIN_INTEGER = -2_147_483_648
const MAX_INTEGER = 2_147_483_647

export function isFailure(outcome: Outcome): outcome is Failure {
  return typeof outcome === 'object'
}

/** An error that leaves the zero value of the type. */
export function failed(error: ErrorKind, type: ValueType): Failure {
  return { error, value: ZERO[type] }
}

export function typeOf(value: Value): ValueType {
  return typeof value === 'number' ? 'integer' : (typeof value as 'string' | 'boolean')
}

export function isInteger32(number: number): boolean {
  return Number.isInteger(number) && number >= MIN_INTEGER && number <= MAX_INTEGER
}

/** The value in another type; undefined is a CastError. */
export function cast(value: Value, type: ValueType): Value | undefined {
  if (typeOf(value) === type) return value
  if (type === 'string') return String(value)
  if (type === 'integer') return typeof value === 'string' ? integerOf(value) : Number(value)
  return typeof value === 'string' ? truthOf(value) : value !== 0
}

function integerOf(text: string): number | undefined {
  const number = INTEGER.test(text) ? Number(text) : undefined
  // "-0" is 0.
  return number !== undefined && isInteger32(number) ? number + 0 : undefined
}

function truthOf(text: string): boolean | undefined {
  const lower = text.toLowerCase()
  return lower === 'true' || (lower === 'false' ? false : undefined)
}
