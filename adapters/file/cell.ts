/**
 * The JSON value of what stands in a file, by the type of the field. What does not fit is a broken file,
 * never a changed value.
 */
import { outputValue } from '#adapters/kit/field-types.ts'
import type { JsonValue } from '#adapters/kit/write-rows.ts'
import type { Field } from './mapping.ts'
import { BrokenFile } from './read-file.ts'

const WITH_COMMA = /^-?\d{1,400}(,\d{1,400})?$/
const WORDS: Record<string, boolean> = { true: true, false: false }

/**
 * In a text there is no null: where nothing stands, a field has no value, or is the empty string if it must
 * have one.
 */
export function textCell(
  field: Field,
  text: string | undefined,
  row: number,
  decimalComma: boolean,
): JsonValue {
  const { name, type, nullable } = field
  if (text === undefined || text === '') {
    if (nullable) return null
    if (text === '' && type === 'string') return ''
    throw new BrokenFile(`row ${row}: ${name} has no value`)
  }
  const isNumber = type === 'integer' || type === 'number'
  if (type === 'boolean' && Object.hasOwn(WORDS, text)) return WORDS[text]!
  const written = isNumber && decimalComma ? withPoint(text) : text
  const value = written === undefined ? undefined : outputValue(type, written)
  if (value === undefined) throw wrong(field, row)
  return value
}

/** JSON has types of its own: a number is not taken for a text, nor a text for a number. */
export function jsonCell(field: Field, given: unknown, row: number): JsonValue {
  const { name, type, nullable } = field
  if (given === null || given === undefined) {
    if (nullable) return null
    throw new BrokenFile(`row ${row}: ${name} has no value`)
  }
  if (type === 'boolean') {
    if (typeof given === 'boolean') return given
    throw wrong(field, row)
  }
  const wanted = type === 'integer' || type === 'number' ? 'number' : 'string'
  const value = typeof given === wanted ? outputValue(type, given) : undefined
  if (value === undefined) throw wrong(field, row)
  return value
}

/** A point would be one between thousands here: 1.234 is another number. */
function withPoint(text: string): string | undefined {
  return WITH_COMMA.test(text) ? text.replace(',', '.') : undefined
}

function wrong({ name, type }: Field, row: number): BrokenFile {
  return new BrokenFile(`row ${row}: ${name} holds something that is no ${type}`)
}
