/**
 * Which lines tell the last acts. Repeated acts of one caller are one line, so that somebody who repeats much
 * does not hide what others did.
 */

/** `count`: how often the caller did this of late; `isAll`: they cannot have done it before. */
export type Counted<E> = E & { count: number; isAll: boolean }

type Act = { sequence: number; operation: string; target: string; data?: unknown }

/** So many callers are looked at, those who acted last, and of each so many records. */
export const CALLERS = 20
export const RECORDS_OF_EACH = 100

/**
 * The same act of a caller on the same thing, with the same things given, is one line at the place of the
 * newest. Everybody has one line before anybody has a second, and so on until there are `limit`; then the
 * newest come first. `byCaller`: each caller's newest records, newest first, `RECORDS_OF_EACH` of them or
 * all.
 */
export function lastActs<E extends Act>(
  byCaller: E[][],
  { limit, without }: { limit: number; without: readonly string[] },
): Counted<E>[] {
  const lines = byCaller.map((entries) => linesOf(entries, without))
  const most = Math.max(0, ...lines.map(({ length }) => length))
  const inTurn = Array.from({ length: most }, (_, at) => lines.flatMap((one) => one.slice(at, at + 1)))
  return inTurn
    .flat()
    .slice(0, limit)
    .toSorted((a, b) => b.sequence - a.sequence)
}

function linesOf<E extends Act>(entries: E[], without: readonly string[]): Counted<E>[] {
  const lines = new Map<string, Counted<E>>()
  const isAll = entries.length < RECORDS_OF_EACH
  for (const entry of entries) {
    const { operation, target, data } = entry
    if (without.includes(operation)) continue
    const same = JSON.stringify([operation, target, data])
    const line = lines.get(same)
    if (line === undefined) lines.set(same, { ...entry, count: 1, isAll })
    else line.count += 1
  }
  return [...lines.values()]
}
