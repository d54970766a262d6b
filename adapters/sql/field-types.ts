/** The values that statements are given: a client's, and those of the last row of a page. */
import { type FieldType, utc } from '#adapters/kit/field-types.ts'

export type SqlValue = string | number | null

/**
 * A client's value, which its schema has accepted, in the one form in which dialects bind it. Times are of
 * UTC.
 */
export function inputValue(type: FieldType, value: unknown): SqlValue {
  if (type === 'date-time') return utc(String(value)) ?? ''
  return typeof value === 'boolean' ? Number(value) : (value as SqlValue)
}
