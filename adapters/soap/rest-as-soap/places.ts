/**
 * Places in a message, written as names with slashes: `owner/code`, `@on`, `owner/#text`. They are found in
 * the schema when the adapter starts, so that no request meets one that does not exist.
 */

import { invalid } from '#core/wsdl/collect-documents.ts'
import {
  attributeKey,
  type ComplexType,
  type ElementModel,
  elementsOf,
  type SimpleType,
  TEXT_KEY,
} from '#core/wsdl/model.ts'

/** A place in the path of a call. */
export const IN_BRACES = /\{([^{}]+)\}/g

/** A member of an element in JSON: a child, an attribute, or its text. */
type Member = { name: string; isList: boolean; type(): SimpleType | ComplexType }

/** The member at a place. Throws `invalid_configuration` when there is none, or it stands in a list. */
export function memberAt(element: ElementModel, place: string, where: string): Member {
  let type = element.type()
  let found: Member | undefined
  for (const name of place.split('/')) {
    if (found?.isList === true) throw invalid(`${where}: ${found.name} in ${place} is a list`)
    found = type.kind === 'complex' ? membersOf(type).find((one) => one.name === name) : undefined
    if (found === undefined) throw invalid(`${where}: ${element.name} has no ${place}`)
    type = found.type()
  }
  return found!
}

/** The first member that no taken place covers; undefined when all are. */
export function notCovered(element: ElementModel, taken: ReadonlySet<string>): string | undefined {
  const look = (type: SimpleType | ComplexType, before: string): string | undefined => {
    for (const member of type.kind === 'complex' ? membersOf(type) : []) {
      const place = before + member.name
      if (taken.has(place)) continue
      const isPart = [...taken].some((one) => one.startsWith(`${place}/`))
      const left = isPart ? look(member.type(), `${place}/`) : place
      if (left !== undefined) return left
    }
    return undefined
  }
  return look(element.type(), '')
}

/** Undefined where there is nothing. */
export function valueAt(value: unknown, place: string): unknown {
  let at = value
  for (const name of place.split('/')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return at
}

/** An object that has `value` at this place, and nothing else. */
export function objectWith(value: unknown, place: string): unknown {
  return place.split('/').reduceRight<unknown>((inner, name) => Object.fromEntries([[name, inner]]), value)
}

function membersOf({ attributes, text, content }: ComplexType): Member[] {
  const simple = (name: string, type: SimpleType): Member => ({ name, isList: false, type: () => type })
  return [
    ...attributes.map(({ name, type }) => simple(attributeKey(name), type)),
    ...(text === undefined ? [] : [simple(TEXT_KEY, text)]),
    ...elementsOf(content).map(({ name, max, type }) => ({ name, isList: max > 1, type })),
  ]
}
