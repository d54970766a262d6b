/** The parts of a plan: calls to make, differences, and things that the file does not name. */

export type Plan = {
  steps: Step[]
  /** Things in the registry that differ from the file and cannot be changed in place. */
  differences: string[]
  /**
   * Things in the registry that the file does not declare, of kinds that it does declare; they are left
   * alone.
   */
  undeclared: string[]
}

/** One call. A step without `call` needs something that does not exist yet. */
export type Step = {
  says: string
  /** What it belongs to: a client, or a service description of one. */
  part?: string
  /** Not before every other step of its part, and of what is below it, is done. */
  isLast?: boolean
  /** Takes something away. */
  removes?: boolean
  call?: {
    operation: string
    params: Record<string, string>
    query?: Record<string, string | boolean>
    body?: unknown
  }
}

export function step(says: string, operation: string, params: Record<string, string>, body?: unknown): Step {
  return { says, call: { operation, params, ...(body === undefined ? {} : { body }) } }
}

export function emptyPlan(): Plan {
  return { steps: [], differences: [], undeclared: [] }
}

/** The steps as they are told while what they are about is not there yet. */
export function later({ steps }: Plan): Plan {
  return { ...emptyPlan(), steps: steps.map(({ call, ...step }) => step) }
}

/**
 * Steps that are not last come first: what a part relies on is in place before it is switched on, or anything
 * is taken from it.
 */
export function ofPart(part: string, { steps, ...more }: Plan): Plan {
  const named = steps.map((one) => ({ ...one, part: one.part ?? part }))
  return {
    ...more,
    steps: [...named.filter((one) => !one.isLast), ...named.filter((one) => one.isLast)],
  }
}

/** Whether a step waits because one of these, which are not done, belongs to its part. */
export function isHeld({ part, isLast }: Step, open: readonly Step[]): boolean {
  return isLast === true && open.some((one) => one.part === part || one.part?.startsWith(`${part}/`))
}

/** All parts in one, in this order. */
export function together(parts: Plan[]): Plan {
  return {
    steps: parts.flatMap(({ steps }) => steps),
    differences: parts.flatMap(({ differences }) => differences),
    undeclared: parts.flatMap(({ undeclared }) => undeclared),
  }
}

/** Adds to `undeclared` what exists but is not declared, if the file declares other things of this kind. */
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
