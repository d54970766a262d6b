/**
 * The types of fields and parameters: the schema that a client's text has to meet, and the JSON value of what
 * a system gives. What does not fit is never changed until it does.
 */
import type { Schema } from '#platform/http-service/openapi-operations.ts'

export type FieldType = 'string' | 'integer' | 'number' | 'boolean' | 'date' | 'date-time'

/** What a value may be: its type, and the bounds of what a client may send. */
export type ValueRule = {
  type: FieldType
  pattern?: string
  maxLength?: number
  values?: string[]
  minimum?: number
  maximum?: number
}

const MAX_LENGTH = 255
const DATE = /^\d{4}-\d\d-\d\d$/
const TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(\.\d{1,9})?\s*(Z|[+-]\d\d(?::?\d\d)?(?::\d\d)?)?$/i
const NUMBER = /^-?\d{1,400}(\.\d{1,400})?(e[+-]?\d{1,4})?$/i

/** The JSON Schema of a value that a client sends. */
export function inputSchema(rule: ValueRule): Schema {
  const { pattern, values, minimum, maximum } = rule
  if (rule.type === 'string')
    return {
      type: 'string',
      ...(values === undefined ? { maxLength: rule.maxLength ?? MAX_LENGTH } : { enum: values }),
      ...(pattern === undefined ? {} : { pattern }),
    }
  if (rule.type === 'integer')
    return {
      type: 'integer',
      minimum: minimum ?? Number.MIN_SAFE_INTEGER,
      maximum: maximum ?? Number.MAX_SAFE_INTEGER,
    }
  if (rule.type === 'number')
    return {
      type: 'number',
      ...(minimum === undefined ? {} : { minimum }),
      ...(maximum === undefined ? {} : { maximum }),
    }
  return rule.type === 'boolean' ? { type: 'boolean' } : { type: 'string', format: rule.type, maxLength: 64 }
}

/** The JSON Schema of a value in an answer. */
export function outputSchema(type: FieldType, nullable: boolean): Schema {
  const isText = type === 'date' || type === 'date-time'
  const name = isText ? 'string' : type
  return { type: nullable ? [name, 'null'] : name, ...(isText ? { format: type } : {}) }
}

/**
 * The JSON value of what a system gives as text or number, or undefined when it has none in this type.
 * Anything else (bytes, documents) has no field type.
 */
export function outputValue(type: FieldType, given: unknown): string | number | boolean | undefined {
  if (typeof given !== 'string' && typeof given !== 'number' && typeof given !== 'bigint') return undefined
  const text = String(given)
  switch (type) {
    case 'string':
      return text
    case 'integer': {
      const value = NUMBER.test(text) ? Number(text) : Number.NaN
      return Number.isSafeInteger(value) ? value : undefined
    }
    case 'number': {
      const value = NUMBER.test(text) ? Number(text) : Number.NaN
      return Number.isFinite(value) ? value : undefined
    }
    case 'boolean':
      if (text === '1' || text === 't') return true
      return text === '0' || text === 'f' ? false : undefined
    case 'date':
      return DATE.test(text) && isDay(text) ? text : undefined
    case 'date-time':
      return utc(text)
  }
}

/**
 * RFC 3339 in UTC with the whole fraction, of three digits at least if there is one; a time without a zone is
 * one of UTC.
 */
export function utc(text: string): string | undefined {
  const [, day = '', clock = '', fraction = '', zone = 'Z'] = TIME.exec(text) ?? []
  if (!isDay(day)) return undefined
  const offset = /^[+-]\d\d$/.test(zone)
    ? `${zone}:00`
    : zone.toUpperCase().replace(/^([+-]\d\d)(\d\d)$/, '$1:$2')
  const seconds = clock.length === 5 ? `${clock}:00` : clock
  const time = Date.parse(`${day}T${seconds}${offset}`)
  if (Number.isNaN(time)) return undefined
  const whole = new Date(time).toISOString()
  const digits = fraction === '' ? '' : fraction.padEnd(4, '0')
  return /^\d{4}-/.test(whole) ? `${whole.slice(0, 19)}${digits}Z` : undefined
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** By hand, since each date of an answer passes here: a Date made and printed costs ten times as much. */
function isDay(text: string): boolean {
  const [year, month, day] = [Number(text.slice(0, 4)), Number(text.slice(5, 7)), Number(text.slice(8))]
  const most = month === 2 && isLeap(year) ? 29 : DAYS[month - 1]
  return day >= 1 && most !== undefined && day <= most
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}
