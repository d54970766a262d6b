/** The names of allowed fields as they stand in texts: found without making a string of each name of a document. */
import { type AllowedFields, allowedInItem } from './allowed-fields.ts'

export type FieldNames = {
  all: boolean
  byName: ReadonlyMap<string, FieldName>
  /** The same, when there are few, each of which can be told by its octets. */
  few: readonly FieldName[] | undefined
  /** What is allowed in items for which a rule of their own holds, by index; undefined when there is none. */
  items: Map<number, FieldNames> | undefined
  allowed: AllowedFields
}
/** `number` counts the names of one place. */
type FieldName = { name: string; octets: Buffer; number: number; names: FieldNames }

/** More are found by a string. */
const FEW = 16
const INDEX = /^(0|[1-9]\d{0,8})$/
const BACKSLASH = 0x5c
const known = new WeakMap<AllowedFields, FieldNames>()

/** Made once for each tree of fields, which nobody changes. */
export function fieldNames(allowed: AllowedFields): FieldNames {
  const made = known.get(allowed) ?? namesOf(allowed)
  known.set(allowed, made)
  return made
}

function namesOf(allowed: AllowedFields): FieldNames {
  const names = [...allowed.below].map(([name, below], number) => ({
    ...{ name, octets: Buffer.from(name), number },
    names: fieldNames(below),
  }))
  return {
    all: allowed.all,
    byName: new Map(names.map((one) => [one.name, one])),
    few: names.length <= FEW && names.every(({ name }) => isPlain(name)) ? names : undefined,
    items: names.some(({ name }) => INDEX.test(name)) ? new Map() : undefined,
    allowed,
  }
}

/** Whether the same octets in a text are this name: those of an escape are another, and a lone surrogate has none. */
function isPlain(name: string): boolean {
  return !name.includes('\\') && name.isWellFormed()
}

/** What is allowed in item `index` of a list. */
export function itemNames(list: FieldNames, index: number): FieldNames {
  if (list.items === undefined) return list
  const made = list.items.get(index)
  if (made !== undefined) return made
  const item = allowedInItem(list.allowed, index)
  if (item === list.allowed) return list
  const names = fieldNames(item)
  list.items.set(index, names)
  return names
}

/** The allowed name that stands between two quotation marks of a text in UTF-8, escaped or not; undefined when it is none. */
export function nameAt(
  { few, byName }: FieldNames,
  text: Buffer,
  from: number,
  to: number,
): FieldName | undefined {
  const length = to - from
  for (const one of few ?? []) {
    const { octets } = one
    if (octets.length !== length) continue
    let i = 0
    while (i < length && octets[i] === text[from + i]) i++
    if (i === length) return one
  }
  const isEscaped = hasEscape(text, from, to)
  if (few !== undefined && !isEscaped) return undefined
  if (!isEscaped) return byName.get(text.toString('utf8', from, to))
  return byName.get(JSON.parse(text.toString('utf8', from - 1, to + 1)) as string)
}

function hasEscape(text: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (text[at] === BACKSLASH) return true
  return false
}
