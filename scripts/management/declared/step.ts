/** What a plan is made of: calls to make, what differs, what the file does not name. */

export type Plan = {
  steps: Step[]
  /** What is there otherwise than declared and cannot be changed in place. */
  differences: string[]
  /** What is there and not declared, of the kinds that the file declares: it is left alone. */
  undeclared: string[]
}

/** One call. Without `call` it needs something that is not there yet. */
export type Step = {
  says: string
  call?: { operation: string; params: Record<string, string>; body?: unknown }
}

export function step(says: string, operation: string, params: Record<string, string>, body?: unknown): Step {
  return { says, call: { operation, params, ...(body === undefined ? {} : { body }) } }
}

export function emptyPlan(): Plan {
  return { steps: [], differences: [], undeclared: [] }
}

/** Notes what was found of a kind of which the file declares something, and not this. */
export function note<Wanted, Found>(
  plan: Plan,
  kind: string,
  wanted: Wanted[],
  found: Found[],
  keyOf: (one: Wanted | Found) => string,
): void {
  if (wanted.length === 0) return
  const keys = new Set(wanted.map(keyOf))
  for (const one of found) if (!keys.has(keyOf(one))) plan.undeclared.push(`${kind} ${keyOf(one)}`)
}
