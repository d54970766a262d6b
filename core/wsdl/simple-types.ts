/** The simple types of XML Schema as values of JSON, and their facets as far as JSON Schema has them. */
import type { XmlElement } from '#core/xml/element.ts'
import type { Schema, SimpleType, ValueKind } from './model.ts'

const ZONE = '(Z|[+-]\\d\\d:\\d\\d)?'
const text = (pattern?: string, sample?: string): SimpleType => ({
  kind: 'simple',
  value: 'token',
  schema: { type: 'string', ...(pattern !== undefined && { pattern }) },
  ...(sample !== undefined && { sample }),
})
const number = (value: ValueKind, more: Schema = {}): SimpleType => ({
  kind: 'simple',
  value,
  schema: { type: value === 'integer' ? 'integer' : 'number', ...more },
})
const within = (bits: number): SimpleType =>
  number('integer', { minimum: -(2 ** (bits - 1)), maximum: 2 ** (bits - 1) - 1 })
const upTo = (bits: number): SimpleType => number('integer', { minimum: 0, maximum: 2 ** bits - 1 })

const BUILT_IN: Record<string, SimpleType> = {
  string: { kind: 'simple', value: 'text', schema: { type: 'string' } },
  normalizedString: { kind: 'simple', value: 'text', schema: { type: 'string' } },
  boolean: { kind: 'simple', value: 'boolean', schema: { type: 'boolean' } },
  decimal: number('decimal'),
  float: number('float'),
  double: number('float'),
  integer: number('integer'),
  long: number('integer'),
  unsignedLong: number('integer', { minimum: 0 }),
  nonNegativeInteger: number('integer', { minimum: 0 }),
  positiveInteger: number('integer', { minimum: 1 }),
  nonPositiveInteger: number('integer', { maximum: 0 }),
  negativeInteger: number('integer', { maximum: -1 }),
  int: within(32),
  short: within(16),
  byte: within(8),
  unsignedInt: upTo(32),
  unsignedShort: upTo(16),
  unsignedByte: upTo(8),
  date: text(`^-?\\d{4,}-\\d\\d-\\d\\d${ZONE}$`, 'date'),
  dateTime: text(`^-?\\d{4,}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?${ZONE}$`, 'date-time'),
  time: text(`^\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?${ZONE}$`, 'time'),
  gYear: text(`^-?\\d{4,}${ZONE}$`, 'year'),
  gYearMonth: text(`^-?\\d{4,}-\\d\\d${ZONE}$`, 'year-month'),
  base64Binary: text('^[A-Za-z0-9+/= \\r\\n]*$', 'byte'),
  hexBinary: text('^([0-9A-Fa-f]{2})*$', 'hex'),
}
const TOKENS = new Set(
  `anySimpleType anyURI QName NOTATION token language Name NCName NMTOKEN NMTOKENS ID IDREF IDREFS ENTITY ENTITIES`.split(
    /\s+/,
  ),
)
/** Those of them that a word is no value of. */
const SAMPLES: Record<string, string> = {
  ...{ duration: 'duration', gMonth: 'month', gDay: 'day', gMonthDay: 'month-day' },
}

/** A type of the XML Schema namespace; undefined for a name that is none. */
export function builtInType(name: string): SimpleType | undefined {
  if (Object.hasOwn(BUILT_IN, name)) return BUILT_IN[name]
  if (Object.hasOwn(SAMPLES, name)) return text(undefined, SAMPLES[name])
  return TOKENS.has(name) ? text() : undefined
}

/** A list or a union: its values are texts. */
export const TEXT_OF_TOKENS: SimpleType = text()

/**
 * The type with the facets of a restriction. A pattern of XML Schema is another language than that of JSON
 * Schema: the system checks it.
 */
export function restrict(base: SimpleType, facets: XmlElement[]): SimpleType {
  const values = (name: string): string[] =>
    facets.filter((facet) => facet.name === name).map(({ attributes }) => attributes.get('value') ?? '')
  const schema: Schema = { ...base.schema }
  const isText = base.value === 'text' || base.value === 'token'
  const numbers = (name: string): number[] => values(name).map(Number).filter(Number.isFinite)
  if (isText) {
    const [length] = numbers('length')
    const [least = length] = numbers('minLength')
    const [most = length] = numbers('maxLength')
    // Lengths of bytes and of list items are not those of texts.
    if (schema['pattern'] === undefined && base !== TEXT_OF_TOKENS) {
      if (least !== undefined) schema['minLength'] = least
      if (most !== undefined) schema['maxLength'] = most
    }
    const allowed = values('enumeration')
    if (allowed.length > 0) schema['enum'] = [...new Set(allowed)]
  } else if (base.value !== 'boolean') {
    for (const [facet, keyword] of [
      ['minInclusive', 'minimum'],
      ['maxInclusive', 'maximum'],
      ['minExclusive', 'exclusiveMinimum'],
      ['maxExclusive', 'exclusiveMaximum'],
    ] as const) {
      const [bound] = numbers(facet)
      if (bound !== undefined) schema[keyword] = bound
    }
    const allowed = numbers('enumeration')
    if (allowed.length > 0) schema['enum'] = [...new Set(allowed)]
  }
  // Several in one restriction are alternatives; those of a base hold as well (XML Schema part 2, 4.3.4).
  const patterns = values('pattern')
  const own = patterns.length > 1 ? [`(?:${patterns.join('|')})`] : patterns
  return { ...base, schema, ...(own.length > 0 && { patterns: [...(base.patterns ?? []), ...own] }) }
}
