/**
 * What the settings of every mapping of data to addresses are made of: paths with templates, names, rules of
 * values.
 */
import type { ValueRule } from './field-types.ts'

const NAME = '^[A-Za-z][A-Za-z0-9_]{0,62}$'

/** JSON Schema of a resource's path: /persons/{code}. */
export const resourcePath = {
  type: 'string',
  pattern: '^(/([A-Za-z0-9._~-]+|\\{[A-Za-z][A-Za-z0-9_]*\\}))+$',
  maxLength: 300,
} as const

/** JSON Schema of the settings of a ValueRule. */
export const valueRule = {
  type: { enum: ['string', 'integer', 'number', 'boolean', 'date', 'date-time'] },
  pattern: { type: 'string', minLength: 1, maxLength: 500 },
  maxLength: { type: 'integer', minimum: 1, maximum: 10_000 },
  values: {
    type: 'array',
    minItems: 1,
    maxItems: 500,
    uniqueItems: true,
    items: { type: 'string', maxLength: 255 },
  },
  minimum: { type: 'number' },
  maximum: { type: 'number' },
} as const

/** JSON Schema of an object of things by name, each as `value` says. */
export const named = (value: object): object => ({
  type: 'object',
  maxProperties: 200,
  propertyNames: { pattern: NAME },
  additionalProperties: value,
})

/** The names in the templates of a path. */
export function templatesOf(path: string): string[] {
  return [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name!)
}

/**
 * Calls `wrong` for a bound that is not for the rule's type or makes no sense, and throws what it returns.
 */
export function checkRule(rule: ValueRule, wrong: (setting: string, what: string) => Error): void {
  const { type, pattern, maxLength, values, minimum, maximum } = rule
  const isNumber = type === 'integer' || type === 'number'
  if (type !== 'string') {
    if (pattern !== undefined) throw wrong('pattern', 'is for strings')
    if (maxLength !== undefined) throw wrong('maxLength', 'is for strings')
    if (values !== undefined) throw wrong('values', 'is for strings')
  }
  if (!isNumber && minimum !== undefined) throw wrong('minimum', 'is for numbers')
  if (!isNumber && maximum !== undefined) throw wrong('maximum', 'is for numbers')
  if (minimum !== undefined && maximum !== undefined && minimum > maximum)
    throw wrong('minimum', 'is above maximum')
  try {
    if (pattern !== undefined) new RegExp(pattern, 'u')
  } catch {
    throw wrong('pattern', 'is no regular expression')
  }
}
