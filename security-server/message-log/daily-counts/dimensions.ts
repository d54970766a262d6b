/**
 * The fields by which records are counted. The log's daily counts and the traffic of the search index use the
 * same.
 */
import type { Hash } from 'node:crypto'

/** The names of columns in `search`, `traffic` and `count_since`. */
export const DIMENSIONS = ['direction', 'kind', 'outcome', 'client', 'service', 'peer'] as const

export type Dimensions = Record<(typeof DIMENSIONS)[number], string>

/** The text that identifies a row: rows with the same text are counted together. */
export function textOf(row: Dimensions & { secrecy?: number; terms?: number }): string {
  const facts: (string | number)[] = DIMENSIONS.map((name) => row[name])
  if (row.secrecy || row.terms) facts.push(row.secrecy ?? 0)
  if (row.terms) facts.push(row.terms)
  return JSON.stringify(facts)
}

/** A digest as the row's key, because identifiers may be longer than an index accepts. */
export function keyOf(row: Parameters<typeof textOf>[0], hash: Hash): Buffer {
  return hash.update(textOf(row)).digest()
}
