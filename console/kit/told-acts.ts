/** Which lines tell the last acts: those that were repeated are one line each. */
import type { AuditEntry } from './act-sentence.tsx'

/** So many are asked for, whole: the API leaves nothing out of them. */
export const ASKED = 24
const SHOWN = 8

/** `isAll`: what is older than the entries cannot be one of these acts. */
type Line = { entry: AuditEntry; count: number; isAll: boolean }

/**
 * The same act of the same person on the same thing, with the same things given, is one line, at the place of the newest. Newest first.
 * `entries` are the newest `ASKED` ones, or all.
 */
export function toldActs(entries: readonly AuditEntry[]): Line[] {
  const lines = new Map<string, Line>()
  const isAll = entries.length < ASKED
  for (const entry of entries) {
    const { caller, operation, target, data } = entry
    const same = JSON.stringify([caller.id, operation, target, data])
    const line = lines.get(same)
    if (line === undefined) lines.set(same, { entry, count: 1, isAll })
    else line.count += 1
  }
  return [...lines.values()].slice(0, SHOWN)
}
