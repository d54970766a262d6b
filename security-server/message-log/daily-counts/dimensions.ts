/** What records are told apart by when they are counted: the log's own daily counts and the traffic of the search index do it alike. */
import type { Hash } from 'node:crypto'

/** Columns of the same names in `search`, `traffic` and `count_since`. */
export const DIMENSIONS = ['direction', 'kind', 'outcome', 'client', 'service', 'peer'] as const

export type Dimensions = Record<(typeof DIMENSIONS)[number], string>

/** Rows with the same text are one. */
export function textOf(row: Dimensions & { secrecy?: number; terms?: number }): string {
  const facts: (string | number)[] = DIMENSIONS.map((name) => row[name])
  if (row.secrecy || row.terms) facts.push(row.secrecy ?? 0)
  if (row.terms) facts.push(row.terms)
  return JSON.stringify(facts)
}

/** Identifiers may be longer than an index takes. */
export function keyOf(row: Parameters<typeof textOf>[0], hash: Hash): Buffer {
  return hash.update(textOf(row)).digest()
}
