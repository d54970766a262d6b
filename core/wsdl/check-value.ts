/**
 * What the facets of a simple type say of one value. A pattern of XML Schema is another language than that of
 * JavaScript: it is left to the system.
 */
import type { SimpleType } from './model.ts'

/** Ours alone, of dates and binary values, each linear in the length of the text. */
const compiled = new Map<string, RegExp>()

/**
 * `text` is written as its kind is, a number without white space. Why it is not allowed, without the value;
 * undefined if it is.
 */
export function whyNotAllowed({ value, schema }: SimpleType, text: string): string | undefined {
  const { enum: allowed, minLength, maxLength, pattern } = schema as Facets
  if (value === 'boolean') return undefined
  if (value === 'text' || value === 'token') {
    if (pattern !== undefined && !patternOf(pattern).test(text)) return 'is not written as its type is'
    const length = minLength === undefined && maxLength === undefined ? 0 : [...text].length
    if (length < (minLength ?? 0)) return `has fewer than ${minLength} characters`
    if (length > (maxLength ?? Number.POSITIVE_INFINITY)) return `has more than ${maxLength} characters`
    return allowed !== undefined && !allowed.includes(text)
      ? 'is not one of the values of its type'
      : undefined
  }
  // Whole numbers are compared with all their digits.
  const number = value === 'integer' ? BigInt(text) : Number(text)
  if (allowed !== undefined && !allowed.some((one) => isSame(number, one as number)))
    return 'is not one of the values of its type'
  return isWithin(number, schema as Facets) ? undefined : 'is out of the bounds of its type'
}

type Facets = {
  enum?: unknown[]
  minLength?: number
  maxLength?: number
  pattern?: string
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
}

/** A whole number of any size and one that fits a double have no common `===`. */
function isSame(one: bigint | number, other: number): boolean {
  return one >= other && one <= other
}

function isWithin(
  number: bigint | number,
  { minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Facets,
): boolean {
  if (minimum !== undefined && number < minimum) return false
  if (maximum !== undefined && number > maximum) return false
  if (exclusiveMinimum !== undefined && number <= exclusiveMinimum) return false
  return exclusiveMaximum === undefined || number < exclusiveMaximum
}

function patternOf(pattern: string): RegExp {
  const known = compiled.get(pattern)
  if (known !== undefined) return known
  const made = new RegExp(pattern, 'u')
  compiled.set(pattern, made)
  return made
}
