/**
 * Where credentials have the code of their person, by the word of whoever judges: nothing that is judged can
 * say it of itself.
 */
import type { CodePlace } from '#core/consent/held-together.ts'
import { isObject, isTexts } from '#core/presentation/json.ts'
import { Fault } from '#schemas/fault.ts'

/** By type of credential. */
export type CodePlaces = ReadonlyMap<string, CodePlace>

/** Reads `{type: path}`. Throws `invalid_input`. */
export function readCodePlaces(value: unknown): CodePlaces {
  const entries = isObject(value) ? Object.entries(value) : []
  const places = entries.filter((one): one is [string, CodePlace] => isTexts(one[1]) && one[1].length > 0)
  if (places.length === 0 || places.length < entries.length)
    throw new Fault('invalid_input', { what: 'places of codes are an object of types, each with a path' })
  return new Map(places)
}

/**
 * In the order of the credentials; undefined where the reader names none. Throws `invalid_input` if one of
 * them has no place.
 */
export function placesIn(
  credentials: readonly { type: string }[],
  places: CodePlaces | undefined,
): CodePlace[] | undefined {
  if (places === undefined) return undefined
  return credentials.map(({ type }) => {
    const place = places.get(type)
    if (place === undefined) throw new Fault('invalid_input', { what: `--codes has no place for ${type}` })
    return place
  })
}
