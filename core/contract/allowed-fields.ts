/** The fields of a message that a contract allows, as a tree that is made once, when the contract arrives. */
import { hash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'

/** What is allowed at one place of a document: all of it, or only what is allowed below it. */
export type AllowedFields = { all: boolean; below: ReadonlyMap<string, AllowedFields> }

/**
 * The fields with the digest that names them in records: base64 of the SHA-256 of their sorted list (RFC
 * 8785).
 */
export type FieldRule = { allowed: AllowedFields; digest: string }

const INDEX = /^(0|[1-9]\d{0,8})$/

/** The rule of a contract's list of JSON Pointers (RFC 6901). An empty list allows no field. */
export function fieldRule(pointers: readonly string[]): FieldRule {
  const sorted = [...new Set(pointers)].sort()
  return {
    allowed: allowedFields(sorted),
    digest: hash('sha256', canonicalJson(sorted), 'base64'),
  }
}

type Growing = { all: boolean; below: Map<string, Growing> }

function allowedFields(pointers: readonly string[]): AllowedFields {
  const root: Growing = { all: false, below: new Map() }
  for (const pointer of pointers) {
    let node = root
    for (const token of pointer.slice(1).split('/')) {
      const name = token.replaceAll('~1', '/').replaceAll('~0', '~')
      let next = node.below.get(name)
      if (next === undefined) {
        next = { all: false, below: new Map() }
        node.below.set(name, next)
      }
      node = next
    }
    node.all = true
  }
  return root
}

/** Rules of items that were made before: a list may be met as often as a document has items. */
const itemsOf = new WeakMap<AllowedFields, Map<number, AllowedFields>>()
/**
 * What was merged. Of lists in these nothing is kept: of indexes below indexes there are as many as products
 * of their numbers.
 */
const mergedOnes = new WeakSet<AllowedFields>()

/**
 * What is allowed in item `index` of a list. As for places of persons, a token that is no index applies to
 * each item of a list, an index to that item.
 */
export function allowedInItem(list: AllowedFields, index: number): AllowedFields {
  const own = list.below.get(`${index}`)
  if (own === undefined) return list
  const items = itemsOf.get(list) ?? new Map<number, AllowedFields>()
  const known = items.get(index)
  if (known !== undefined) return known
  const others = new Map([...list.below].filter(([name]) => !INDEX.test(name)))
  const made = merged(own, { all: false, below: others })
  if (!mergedOnes.has(list)) itemsOf.set(list, items.set(index, made))
  return made
}

function merged(a: AllowedFields, b: AllowedFields): AllowedFields {
  const below = new Map(a.below)
  for (const [name, one] of b.below) {
    const other = below.get(name)
    below.set(name, other === undefined ? one : merged(other, one))
  }
  const made = { all: a.all || b.all, below }
  mergedOnes.add(made)
  return made
}

/** A JSON Pointer that is one token longer. */
export function pointerBelow(pointer: string, name: string): string {
  return `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
}
