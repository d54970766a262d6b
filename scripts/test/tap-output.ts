/** Reads what the gate needs out of a TAP stream: the runner's totals, and which tests were skipped and why. */

export type Totals = { passed: number; failed: number; skipped: number }

const MAX_SKIPS = 50

/** The last `# { total: 4, pass: 3, skip: 1 }` line; a stream without one means that the runner broke: one failure. */
export function readTotals(tap: string): Totals {
  const line = tap.match(/^# \{ total: \d+.*\}$/gm)?.at(-1)
  if (line === undefined) return { passed: 0, failed: 1, skipped: 0 }
  const count = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(line)?.[1] ?? 0)
  return { passed: count('pass'), failed: count('fail'), skipped: count('skip') + count('todo') }
}

/** A line for each skipped test point, with its reason. */
export function skips(tap: string): string[] {
  const found = [...tap.matchAll(/^ *(?:not )?ok \d+(?: - (.*?))? # (?:SKIP|TODO)\b ?(.*)$/gm)]
  const lines = found.map(([, name = '', reason = '']) =>
    reason === '' || reason === name ? name : `${name}: ${reason}`,
  )
  return [...new Set(lines)].slice(0, MAX_SKIPS)
}
