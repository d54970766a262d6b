/**
 * The properties of a JSON Schema, one after the other, with those inside others behind them: so whoever does
 * not read the notation sees what an event has. What it cannot say so it leaves to the schema itself, and
 * says that it did. Pure: it follows no reference out of the schema.
 */
const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'] as const
export type TypeWord = (typeof TYPES)[number]

export type Property = {
  /** Its place: `address.street`, or `children[].born` for what each member of a list has. */
  name: string
  /** None where any will do, unless `fitsNone`. Of a list, `of` has the types of its members. */
  types: TypeWord[]
  of: TypeWord[]
  /** What its parts say contradicts itself, so no value is right. */
  fitsNone: boolean
  required: boolean
  /** What its author wrote about it. */
  words: string[]
  /** The values that it may have, where they are numbered, and the form of a text. */
  values: string[]
  format: string | undefined
}

/** `isWhole`: nothing that the schema says of data is left out but bounds of values. */
export type Properties = { rows: Property[]; isWhole: boolean }

type Schema = Record<string, unknown>

const MOST_ROWS = 200
const MOST_DEPTH = 6
const MOST_VALUES = 20
/** Of parts that are looked at, over all rows. */
const MOST_PARTS = 5000
/**
 * What rows show, what only holds parts together, bounds of values, and notes that mean nothing for data.
 * Every other keyword says more than a row can: `readOnly` too, since what is only read need not be there.
 */
const TOLD = new Set([
  ...['properties', 'required', 'type', 'items', 'enum', 'const', 'title', 'description', 'format'],
  ...['$ref', 'allOf', '$defs', 'definitions', '$schema', '$id', '$anchor', '$dynamicAnchor', '$comment'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength'],
  ...['pattern', 'minItems', 'maxItems', 'uniqueItems', 'minProperties', 'maxProperties'],
  ...['default', 'examples', 'deprecated', 'contentEncoding', 'contentMediaType'],
])
/** Whether others are taken, no list of properties says; what they must be is more. */
const OTHERS = ['additionalProperties', 'unevaluatedProperties']
/** What a row has of a property, but not of the members of a list, nor of the data as a whole. */
const OF_PROPERTIES = ['items', 'enum', 'const', 'format']

export function propertiesOf(schema: object): Properties {
  const rows: Property[] = []
  let isWhole = true
  let looked = 0
  /** Parts that stand elsewhere, and of their words those that a row has had. */
  const referred = new Set<Schema>()
  const told = new Set<string>()

  const walk = (parts: Schema[], place: string, depth: number): void => {
    if (depth > MOST_DEPTH) {
      if (hasAnyOf(parts, ['properties', 'required'])) isWhole = false
      return
    }
    const required = new Set(parts.flatMap((one) => textsIn(one['required'])))
    const entries = parts.flatMap(({ properties }) =>
      isSchema(properties) ? Object.entries(properties) : [],
    )
    const named = Map.groupBy(entries, ([name]) => name)
    if ([...required].some((name) => !named.has(name))) isWhole = false
    for (const [name, said] of named) {
      if (rows.length >= MOST_ROWS) {
        isWhole = false
        return
      }
      const own = partsOf(said.map(([, value]) => value))
      const members = partsOf(own.map(({ items }) => items))
      const row = rowOf(own, members)
      if (row.of === undefined || formatsIn(own).length > 1) isWhole = false
      if (hasAnyOf(members, [...OF_PROPERTIES, 'title', 'description'])) isWhole = false
      if (members.length > 0 && !row.types.includes('array')) isWhole = false
      const whole = place + name
      const words = wordsOf(own)
      rows.push({ ...row, of: row.of ?? [], words, name: whole, required: required.has(name) })
      walk(own, `${whole}.`, depth + 1)
      if (members.length > 0) walk(members, `${whole}[].`, depth + 1)
    }
  }

  /**
   * What a part says that many refer to is told once, and again only where a property has no words of its
   * own.
   */
  const wordsOf = (own: Schema[]): string[] => {
    const nearest = wordsIn(own.filter((one) => !referred.has(one)))
    const others = wordsIn(own.filter((one) => referred.has(one)))
    const farther = others.filter((one) => nearest.length === 0 || !told.has(one))
    for (const one of farther) told.add(one)
    return [...new Set([...nearest, ...farther])]
  }

  /**
   * The schemas with what they refer to and have in common with others, each once: a part that comes again
   * says nothing new, and parts times their properties would stop the page. A reference that goes on to
   * itself ends.
   */
  const partsOf = (values: unknown[]): Schema[] => {
    const parts = new Set<Schema>()
    const add = (value: unknown, before: readonly Schema[], isReferred: boolean): void => {
      if (value === undefined || value === true) return
      // `false`, by which nothing may stand there, is no schema with parts either.
      if (!isSchema(value) || before.includes(value)) {
        isWhole = false
        return
      }
      if (parts.has(value)) return
      looked += 1
      if (looked > MOST_PARTS || before.length > MOST_DEPTH) {
        isWhole = false
        return
      }
      parts.add(value)
      if (isReferred) referred.add(value)
      if (saysMore(value)) isWhole = false
      const { $ref: reference, allOf } = value
      const within = [...before, value]
      if (reference !== undefined) {
        const meant = meantBy(reference)
        if (meant === undefined) isWhole = false
        add(meant, within, true)
      }
      if (Array.isArray(allOf)) for (const one of allOf) add(one, within, isReferred)
    }
    for (const one of values) add(one, [], false)
    return [...parts]
  }

  /** A reference may be as long as the schema, and stand where many others lead. */
  const found = new Map<unknown, unknown>()
  const meantBy = (reference: unknown): unknown => {
    if (!found.has(reference))
      found.set(reference, typeof reference === 'string' ? foundAt(schema as Schema, reference) : undefined)
    return found.get(reference)
  }

  const root = partsOf([schema])
  if (hasAnyOf(root, OF_PROPERTIES) || typesIn(root)?.every((one) => one === 'object') !== true)
    isWhole = false
  walk(root, '', 1)
  return { rows, isWhole }
}

function saysMore(part: Schema): boolean {
  return Object.keys(part).some(
    (key) => !TOLD.has(key) && !(OTHERS.includes(key) && typeof part[key] === 'boolean'),
  )
}

function hasAnyOf(parts: Schema[], keys: string[]): boolean {
  return parts.some((part) => keys.some((key) => part[key] !== undefined))
}

/** `of` is undefined where no member would be right. */
function rowOf(own: Schema[], members: Schema[]) {
  const types = typesIn(own)
  const numbered = numberedIn(own)
  const allowed = numbered?.filter((one) => types === undefined || fits(one, types)) ?? []
  const values = allowed
    .slice(0, MOST_VALUES)
    .map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))
  return {
    types: types ?? [],
    of: typesIn(members),
    fitsNone: types === undefined || (numbered !== undefined && allowed.length === 0),
    values: allowed.length > MOST_VALUES ? [...values, '…'] : values,
    format: formatsIn(own)[0],
  }
}

function wordsIn(parts: Schema[]): string[] {
  const words = parts.flatMap(({ title, description }) => [title, description])
  return words.filter((one) => typeof one === 'string').filter((one) => one.trim() !== '')
}

function formatsIn(parts: Schema[]): string[] {
  return [...new Set(parts.map(({ format }) => format).filter((one) => typeof one === 'string'))]
}

/** The types that every part allows; none where each allows any, undefined where they have none in common. */
function typesIn(parts: Schema[]): TypeWord[] | undefined {
  const said = parts
    .map(({ type }) => (typeof type === 'string' ? [type] : textsIn(type)))
    .filter((types) => TYPES.some((one) => types.includes(one)))
  if (said.length === 0) return []
  // Every integer is a number.
  const common = TYPES.filter((one) =>
    said.every((types) => types.includes(one) || (one === 'integer' && types.includes('number'))),
  )
  if (common.length === 0) return undefined
  return common.filter((one) => one !== 'integer' || !common.includes('number'))
}

/** The values that every part numbers; undefined where none numbers any. */
function numberedIn(parts: Schema[]): unknown[] | undefined {
  const [first, ...others] = parts.flatMap((part) => [
    ...(Array.isArray(part['enum']) ? [keyed(part['enum'])] : []),
    ...(part['const'] === undefined ? [] : [new Map([[keyOf(part['const']), part['const']]])]),
  ])
  if (first === undefined) return undefined
  return [...first].filter(([key]) => others.every((one) => one.has(key))).map(([, value]) => value)
}

/** Where many properties refer to a long list, each asks for it. */
const KEYED = new WeakMap<unknown[], Map<string, unknown>>()

function keyed(values: unknown[]): Map<string, unknown> {
  const known = KEYED.get(values) ?? new Map(values.map((one) => [keyOf(one), one]))
  KEYED.set(values, known)
  return known
}

/** Equal values have equal keys, in whatever order their properties stand. */
function keyOf(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    isSchema(one) ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one,
  )
}

function fits(value: unknown, types: TypeWord[]): boolean {
  if (types.length === 0) return true
  if (typeof value === 'number')
    return types.includes('number') || (types.includes('integer') && Number.isInteger(value))
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  return types.some((one) => one === type)
}

/** What stands at `#/a/b` of the schema (RFC 6901); a place in another document is not looked for. */
function foundAt(schema: Schema, reference: string): unknown {
  if (reference !== '#' && !reference.startsWith('#/')) return undefined
  return reference
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>(
      (found, step) => (isSchema(found) && Object.hasOwn(found, step) ? found[step] : undefined),
      schema,
    )
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
