/**
 * Readers of single fields. Each returns the typed value, or throws `invalid_contract` that names the place
 * but does not quote the value.
 */
import { Fault } from '#schemas/fault.ts'
import { idText, parseServerId } from '#schemas/identifiers.ts'

/** `at` is the place of the value, for instance "contract.services.0". */
export type Read<T> = (value: unknown, at: string) => T

type Optional<T> = Read<T> & { optional: true }
type Readers<T> = { [K in keyof T]-?: undefined extends T[K] ? Optional<NonNullable<T[K]>> : Read<T[K]> }

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
// Characters that are invisible or make a text look like another one; people decide by these texts.
const UNSEEN = /[\p{Cs}\p{Noncharacter_Code_Point}\u200e\u200f\u202a-\u202e\u2066-\u2069]|(?!\n)\p{Cc}/u

/** Reads an object with exactly these fields. */
export function record<T extends object>(readers: Readers<T>): Read<T> {
  return (value, at) => {
    const given = fieldsOf(value, at)
    const unknown = Object.keys(given).find((name) => !Object.hasOwn(readers, name))
    if (unknown !== undefined) throw wrong(at, `has no field ${JSON.stringify(unknown.slice(0, 40))}`)
    const entries = (Object.entries(readers) as [string, Read<unknown> & { optional?: true }][]).flatMap(
      ([name, read]) => {
        if (given[name] === undefined && read.optional === true) return []
        if (!Object.hasOwn(given, name)) throw wrong(`${at}.${name}`, 'is missing')
        return [[name, read(given[name], `${at}.${name}`)]]
      },
    )
    return Object.fromEntries(entries) as T
  }
}

/** Makes a field optional. */
export function optional<T>(read: Read<T>): Optional<T> {
  const reader: Read<T> = (value, at) => read(value, at)
  return Object.assign(reader, { optional: true as const })
}

export function fieldsOf(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(at, 'is no object')
  return value as Record<string, unknown>
}

export function list<T>(read: Read<T>, least: number, most: number): Read<T[]> {
  return (value, at) => {
    if (!Array.isArray(value) || value.length < least || value.length > most)
      throw wrong(at, `is no list of ${least} to ${most}`)
    return value.map((one: unknown, i) => read(one, `${at}.${i}`))
  }
}

/** Reads a list in which all keys are distinct. */
export function unique<T>(read: Read<T[]>, keyOf: (one: T) => string): Read<T[]> {
  return (value, at) => {
    const all = read(value, at)
    if (new Set(all.map(keyOf)).size < all.length) throw wrong(at, 'holds something twice')
    return all
  }
}

/**
 * Reads a text for people of 1 to `most` characters: line breaks are allowed, control characters and
 * direction marks are not.
 */
export function plainText(most: number): Read<string> {
  return (value, at) => {
    if (typeof value !== 'string' || value.trim() === '' || value.length > most || UNSEEN.test(value))
      throw wrong(at, `is no text of 1 to ${most} characters without control characters or direction marks`)
    return value
  }
}

/** Reads a text as `plainText` does, or an empty one. */
export function textOrNone(most: number): Read<string> {
  const read = plainText(most)
  return (value, at) => (value === '' ? '' : read(value, at))
}

/** The first `most` characters of any text without the characters that `plainText` refuses; may be empty. */
export function plainPart(text: string, most: number): string {
  const seen = [...text.slice(0, 2 * most)].filter((one) => !UNSEEN.test(one))
  return seen.slice(0, most).join('').trim()
}

export function pattern(form: RegExp, what: string): Read<string> {
  return (value, at) => {
    if (typeof value !== 'string' || value.length > 2000 || !form.test(value))
      throw wrong(at, `is not ${what}`)
    return value
  }
}

export function oneOf<const T extends readonly string[]>(values: T): Read<T[number]> {
  return (value, at) => {
    const found = values.find((one) => one === value)
    if (found === undefined) throw wrong(at, `is none of ${values.join(', ')}`)
    return found
  }
}

export function integer(least: number, most: number): Read<number> {
  return (value, at) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most)
      throw wrong(at, `is no whole number from ${least} to ${most}`)
    return value
  }
}

export const flag: Read<boolean> = (value, at) => {
  if (typeof value !== 'boolean') throw wrong(at, 'is not true or false')
  return value
}

export const isoTime: Read<string> = (value, at) => {
  const time = typeof value === 'string' && TIME.test(value) ? new Date(value) : undefined
  // Date turns the 31st of February into another day.
  if (time === undefined || Number.isNaN(time.getTime()) || String(time.toISOString()) !== value)
    throw wrong(at, 'is no time in UTC with milliseconds, 2026-01-31T12:00:00.000Z')
  return value
}

function wrong(at: string, what: string): Fault {
  return new Fault('invalid_contract', { what: `${at} ${what}` })
}

/** The canonical text of the identifier of a security server. */
export const serverId: Read<string> = (value, at) => {
  if (typeof value !== 'string' || value.length > 1100 || canonicalServer(value) !== value)
    throw new Fault('invalid_contract', { what: `${at} is no security server in its canonical form` })
  return value
}

function canonicalServer(text: string): string | undefined {
  try {
    return idText(parseServerId(text))
  } catch {
    return undefined
  }
}
