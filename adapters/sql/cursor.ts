/**
 * The place where the next page begins, as a text that clients give back. It holds the sort order and the
 * values of the last row, which are checked like any other value of a client: a changed text only begins
 * elsewhere.
 */
import { outputValue } from '#adapters/kit/field-types.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'
import { inputValue } from './field-types.ts'
import type { Position, SortField } from './mapping.ts'

export const MAX_CURSOR = 4096

/** Throws `source_failed` for values too long to be part of an address. */
export function writeCursor(order: string | undefined, row: (string | number | boolean | null)[]): string {
  const text = Buffer.from(JSON.stringify([order ?? '', ...row])).toString('base64url')
  if (text.length > MAX_CURSOR)
    throw new Fault('source_failed', { what: 'the values that it is sorted by are too long' })
  return text
}

/** Throws `invalid_input` for anything that does not fit the sort order. */
export function readCursor(text: string, order: string | undefined, sort: SortField[]): Position {
  const [of, ...values] = partsOf(text)
  if (of !== (order ?? '') || values.length !== sort.length) throw wrong()
  return values.map((value, at) => {
    const { type, nullable } = sort[at]!.field
    if (value === null && nullable) return null
    const isRight =
      type === 'integer' ? Number.isSafeInteger(value) : typeof value === 'string' && !value.includes('\0')
    if (!isRight || outputValue(type, value) === undefined) throw wrong()
    return inputValue(type, value)
  })
}

function partsOf(text: string): unknown[] {
  try {
    const value = parseStrictJson(Buffer.from(text, 'base64url'))
    if (Array.isArray(value)) return value
  } catch {
    // Answered like every other text that is none of ours.
  }
  throw wrong()
}

function wrong(): Fault {
  return new Fault('invalid_input', {
    what: 'query.after is not that of the next page of this list in this order',
  })
}
