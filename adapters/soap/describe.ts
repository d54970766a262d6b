/** The JSON Schemas of messages: what a client sends, and what it gets. */

import {
  attributeKey,
  type ComplexType,
  type ElementModel,
  elementsOf,
  mayBeEmpty,
  type Particle,
  type SimpleType,
  TEXT_KEY,
} from '#core/wsdl/model.ts'
import type { Schema } from '#platform/http-service/openapi-operations.ts'

/**
 * Types with a name are schemas of their own; `schemas` gets them. Throws `invalid_configuration` for what is
 * not supported.
 */
export function schemaOf(element: ElementModel, schemas: Record<string, Schema>): Schema {
  return typeSchema(element.type(), schemas)
}

function typeSchema(type: SimpleType | ComplexType, schemas: Record<string, Schema>): Schema {
  if (type.kind === 'simple') return type.schema
  if (type.name === undefined) return objectSchema(type, schemas)
  if (!Object.hasOwn(schemas, type.name)) {
    // Before its properties are read, for it may be one of them.
    schemas[type.name] = {}
    schemas[type.name] = objectSchema(type, schemas)
  }
  return { $ref: `#/components/schemas/${type.name}` }
}

function objectSchema({ attributes, text, content }: ComplexType, schemas: Record<string, Schema>): Schema {
  const properties: Record<string, Schema> = {}
  const required: string[] = []
  for (const one of attributes) {
    properties[attributeKey(one.name)] = one.type.schema
    if (one.required) required.push(attributeKey(one.name))
  }
  if (text !== undefined) {
    properties[TEXT_KEY] = text.schema
    required.push(TEXT_KEY)
  }
  for (const element of elementsOf(content)) properties[element.name] = occurring(element, schemas)
  if (content !== undefined) required.push(...requiredIn(content))
  return { type: 'object', additionalProperties: false, ...(required.length > 0 && { required }), properties }
}

function occurring(element: ElementModel, schemas: Record<string, Schema>): Schema {
  const plain = typeSchema(element.type(), schemas)
  const one: Schema = element.nillable ? { anyOf: [plain, { type: 'null' }] } : plain
  if (element.max <= 1) return one
  const { min, max } = element
  return { type: 'array', items: one, minItems: min, ...(Number.isFinite(max) && { maxItems: max }) }
}

/** What stands in every content; of a choice, nothing: the adapter itself says what is missing. */
function requiredIn(particle: Particle): string[] {
  if (mayBeEmpty(particle) || particle.kind === 'any' || particle.kind === 'choice') return []
  if (particle.kind === 'element') return [particle.name]
  return particle.items.flatMap(requiredIn)
}
