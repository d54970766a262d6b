/**
 * The names of allowed fields as they stand in texts: found without making a string of each name of a
 * document.
 */
import { type AllowedFields, allowedInItem } from './allowed-fields.ts'

export type FieldNames = {
  all: boolean
  allowed: AllowedFields
  /** All names, when there are few, each of which can be told by its octets. */
  few: readonly FieldName[] | undefined
  /** Those that were met. */
  met: Map<string, FieldName>
  /** Whether items of a list have rules of their own; undefined until one is met. */
  hasItems: boolean | undefined
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
  const made: FieldNames = {
    ...{ all: allowed.all, allowed, few: undefined, met: new Map() },
    hasItems: undefined,
  }
  const names = allowed.below.size <= FEW ? [...allowed.below.keys()] : []
  if (names.length === allowed.below.size && names.every(isPlain))
    made.few = names.map((name) => named(made, name)!)
  return made
}

function named({ allowed, met }: FieldNames, name: string): FieldName | undefined {
  const one = met.get(name)
  const below = one === undefined ? allowed.below.get(name) : undefined
  if (below === undefined) return one
  const made = { name, octets: Buffer.from(name), number: met.size, names: fieldNames(below) }
  met.set(name, made)
  return made
}

/**
 * Whether the same octets in a text are this name: those of an escape are another, and a lone surrogate has
 * none.
 */
function isPlain(name: string): boolean {
  return !name.includes('\\') && name.isWellFormed()
}

/** What is allowed in item `index` of a list. */
export function itemNames(list: FieldNames, index: number): FieldNames {
  list.hasItems ??= [...list.allowed.below.keys()].some((name) => INDEX.test(name))
  if (!list.hasItems) return list
  const item = allowedInItem(list.allowed, index)
  return item === list.allowed ? list : fieldNames(item)
}

/**
 * The allowed name that stands between two quotation marks of a text in UTF-8, escaped or not; undefined when
 * it is none.
 */
export function nameAt(names: FieldNames, text: Buffer, from: number, to: number): FieldName | undefined {
  const { few } = names
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
  if (!isEscaped) return named(names, text.toString('utf8', from, to))
  return named(names, JSON.parse(text.toString('utf8', from - 1, to + 1)) as string)
}

function hasEscape(text: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (text[at] === BACKSLASH) return true
  return false
}
