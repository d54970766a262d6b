/**
 * Reads the fields of X-Road's bodies. As X-Road's server does, it takes a number for a text and ignores
 * fields that it does not know.
 */
import { Fault } from '#schemas/fault.ts'

export type Fields = {
  text(name: string): string
  textOr<T>(name: string, other: T): string | T
  flagOr<T>(name: string, other: T): boolean | T
  numberOr<T>(name: string, other: T): number | T
  part(name: string): Fields
  texts(name: string): string[]
  parts(name: string): Fields[]
  /** The fields that have a text, in their order. */
  pairs(name: string): [string, string][]
}

const MOST = 500
/** Of items that may take a call of ours each. */
const MOST_PARTS = 100

/**
 * Throws `invalid_input` for anything but an object, and its members throw it for a field of another type.
 */
export function fieldsOf(value: unknown, of = 'body'): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Buffer.isBuffer(value))
    throw wrong(of, 'object')
  const get = (name: string): unknown =>
    Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
  const place = (name: string): string => `${of}.${name}`
  const isAbsent = (name: string): boolean => get(name) === undefined || get(name) === null
  const list = (name: string, most: number): unknown[] => {
    const all = get(name)
    if (!Array.isArray(all) || all.length > most) throw wrong(place(name), `array of at most ${most}`)
    return all
  }
  return {
    text: (name) => textIn(get(name), place(name)),
    textOr: (name, other) => (isAbsent(name) ? other : textIn(get(name), place(name))),
    flagOr(name, other) {
      if (isAbsent(name)) return other
      const given = get(name)
      if (typeof given !== 'boolean') throw wrong(place(name), 'boolean')
      return given
    },
    numberOr(name, other) {
      if (isAbsent(name)) return other
      const given = get(name)
      if (typeof given !== 'number') throw wrong(place(name), 'number')
      return given
    },
    part: (name) => fieldsOf(get(name), place(name)),
    texts: (name) => list(name, MOST).map((one) => textIn(one, place(name))),
    parts: (name) => list(name, MOST_PARTS).map((one) => fieldsOf(one, place(name))),
    pairs(name) {
      const given = get(name)
      if (typeof given !== 'object' || given === null || Array.isArray(given))
        throw wrong(place(name), 'object')
      return Object.entries(given).map(([key, one]) => [key, textIn(one, `${place(name)}.${key}`)])
    },
  }
}

function textIn(value: unknown, place: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  throw wrong(place, 'string')
}

function wrong(place: string, type: string): Fault {
  return new Fault('invalid_input', { what: `${place.slice(0, 200)} must be ${type}` })
}

/**
 * A switch in the query, in any case of letters, since Python's programs say True. Undefined when absent;
 * throws `invalid_input`.
 */
export function flagIn(query: Record<string, unknown>, name: string): boolean | undefined {
  const given = query[name]
  if (given === undefined) return undefined
  const text = String(given).toLowerCase()
  if (text !== 'true' && text !== 'false') throw wrong(`query.${name}`, 'boolean')
  return text === 'true'
}
