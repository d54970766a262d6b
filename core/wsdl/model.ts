/**
 * What an XML Schema says of the elements of a message, in the form in which requests are written and answers
 * are read by it.
 */

/** A JSON Schema. */
export type Schema = Record<string, unknown>

/** How a simple type is written in JSON: numbers and booleans as such, all else (dates, too) as text. */
export type ValueKind = 'text' | 'token' | 'boolean' | 'integer' | 'decimal' | 'float'

export type SimpleType = {
  kind: 'simple'
  value: ValueKind
  /** The JSON Schema of a value. */
  schema: Schema
  /**
   * The format, as JSON Schema calls it, of texts that make a value of this type: their pattern alone says
   * too little.
   */
  sample?: string
  /** Patterns of XML Schema, all of which hold. */
  patterns?: readonly string[]
}

export type Attribute = { name: string; namespace: string; required: boolean; type: SimpleType }

export type ComplexType = {
  kind: 'complex'
  /** The name under which the description has it; undefined for a type without a name of its own. */
  name: string | undefined
  attributes: Attribute[]
  /** The text of an element that has no children. */
  text: SimpleType | undefined
  content: Particle | undefined
}

export type ElementModel = {
  kind: 'element'
  name: string
  namespace: string
  min: number
  /** Infinity when there is no bound. */
  max: number
  nillable: boolean
  /**
   * Read when it is asked for, since a type may contain itself. Throws `invalid_configuration` for what is
   * not supported.
   */
  type(): SimpleType | ComplexType
}

export type Group = { kind: 'sequence' | 'choice' | 'all'; items: Particle[]; min: number }

/** `any`: elements that the schema does not name. They have no place in JSON. */
export type Particle = ElementModel | Group | { kind: 'any' }

/** All elements of a content, in the order of the schema. */
export function elementsOf(particle: Particle | undefined): ElementModel[] {
  if (particle === undefined || particle.kind === 'any') return []
  return particle.kind === 'element' ? [particle] : particle.items.flatMap(elementsOf)
}

/** Whether the content may be left out as a whole. */
export function mayBeEmpty(particle: Particle): boolean {
  if (particle.kind === 'any' || particle.min === 0) return true
  if (particle.kind === 'element') return false
  return particle.kind === 'choice' ? particle.items.some(mayBeEmpty) : particle.items.every(mayBeEmpty)
}

/** The names of JSON: attributes have a sign that no element's name begins with. */
export const attributeKey = (name: string): string => `@${name}`
export const TEXT_KEY = '#text'
export const XSI = 'http://www.w3.org/2001/XMLSchema-instance'
