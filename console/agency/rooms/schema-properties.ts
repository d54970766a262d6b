/**
 * The properties of a JSON Schema, one after the other, with those inside others behind them: so whoever does not read the notation sees what
 * an event has. What it cannot say so it leaves to the schema itself, and says that it did. Pure: it follows no reference out of the schema.
 */
const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'] as const
export type TypeWord = (typeof TYPES)[number]

export type Property = {
  /** Its place: `address.street`, or `children[].born` for what each member of a list has. */
  name: string
  /** None where any will do. Of a list, `of` has the types of its members. */
  types: TypeWord[]
  of: TypeWord[]
  required: boolean
  /** What its author wrote about it. */
  words: string[]
  /** The values that it may have, where they are numbered, and the form of a text. */
  values: string[]
  format: string | undefined
}

/** `isWhole`: nothing of the schema is left out but bounds of values. */
export type Properties = { rows: Property[]; isWhole: boolean }

type Schema = Record<string, unknown>

const MOST_ROWS = 200
const MOST_DEPTH = 6
const MOST_VALUES = 20
/** Of parts that are looked at: references to references multiply. */
const MOST_PARTS = 5000
/** What says more of properties than a row can. */
const CHOICES = ['oneOf', 'anyOf', 'if', 'not', 'patternProperties', 'dependentSchemas', 'dependentRequired']

export function propertiesOf(schema: object): Properties {
  const rows: Property[] = []
  let isWhole = true
  let looked = 0

  const walk = (parts: Schema[], place: string, depth: number): void => {
    const required = new Set(parts.flatMap((one) => textsIn(one['required'])))
    const named = parts.flatMap(({ properties }) => (isSchema(properties) ? Object.entries(properties) : []))
    if (parts.some((part) => CHOICES.some((one) => part[one] !== undefined))) isWhole = false
    for (const name of new Set(named.map(([one]) => one))) {
      if (rows.length >= MOST_ROWS || depth > MOST_DEPTH) {
        isWhole = false
        return
      }
      const own = named.flatMap(([one, value]) => (one === name ? partsOf(value) : []))
      const members = own.flatMap(({ items }) => partsOf(items))
      const whole = place + name
      rows.push({ ...rowOf(own, members), name: whole, required: required.has(name) })
      walk(own, `${whole}.`, depth + 1)
      if (members.length > 0) walk(members, `${whole}[].`, depth + 1)
    }
  }

  /** The schema with what it refers to and has in common with others; a reference that goes on to itself ends. */
  const partsOf = (value: unknown, seen: readonly Schema[] = []): Schema[] => {
    if (!isSchema(value)) return []
    looked += 1
    if (looked > MOST_PARTS || seen.includes(value) || seen.length > MOST_DEPTH) {
      isWhole = false
      return []
    }
    const before = [...seen, value]
    const { $ref: reference, allOf } = value
    const meant = typeof reference === 'string' ? foundAt(schema as Schema, reference) : undefined
    if (reference !== undefined && meant === undefined) isWhole = false
    return [
      value,
      ...partsOf(meant, before),
      ...(Array.isArray(allOf) ? allOf.flatMap((one) => partsOf(one, before)) : []),
    ]
  }

  walk(partsOf(schema), '', 1)
  return { rows, isWhole }
}

function rowOf(own: Schema[], members: Schema[]): Omit<Property, 'name' | 'required'> {
  const numbered = own.flatMap((one) =>
    Array.isArray(one['enum']) ? one['enum'] : one['const'] === undefined ? [] : [one['const']],
  )
  const values = numbered
    .slice(0, MOST_VALUES)
    .map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))
  const words = own.flatMap(({ title, description }) => [title, description])
  return {
    types: typesIn(own),
    of: typesIn(members),
    words: [...new Set(words.filter((one) => typeof one === 'string' && one.trim() !== ''))] as string[],
    values: numbered.length > MOST_VALUES ? [...values, '…'] : values,
    format: own.map(({ format }) => format).find((one) => typeof one === 'string') as string | undefined,
  }
}

function typesIn(parts: Schema[]): TypeWord[] {
  const said = parts.flatMap(({ type }) => (typeof type === 'string' ? [type] : textsIn(type)))
  return TYPES.filter((one) => said.includes(one))
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
