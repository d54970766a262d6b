/** Compares two lists: what is missing is added, what the file does not name is taken away or told; pure. */
import { type Plan, type Step, step } from '../step.ts'

type Lists<Wanted, Found> = {
  /** Undefined where the file says nothing about the list: then nothing is done. */
  wanted: Wanted[] | undefined
  found: Found[]
  keyOf(one: Wanted | Found): string
  /** How it is called in the plan. */
  name(one: Wanted | Found): string
}

/** Adds a step for each thing that is declared and not there, one for what is declared twice. */
export function addMissing<Wanted, Found>(
  plan: Plan,
  q: Lists<Wanted, Found> & { add(one: Wanted): Step },
): void {
  const there = new Set(q.found.map(q.keyOf))
  for (const one of q.wanted ?? []) {
    if (!there.has(q.keyOf(one))) plan.steps.push(q.add(one))
    there.add(q.keyOf(one))
  }
}

/** Tells what is there and not declared, or, with `removes`, adds a step that takes it away. */
export function endOthers<Wanted, Found>(
  plan: Plan,
  q: Lists<Wanted, Found> & { remove(one: Found): NonNullable<Step['call']>; removes: boolean },
): void {
  if (q.wanted === undefined) return
  const named = new Set(q.wanted.map(q.keyOf))
  for (const one of q.found) {
    if (named.has(q.keyOf(one))) continue
    const { operation, params, body } = q.remove(one)
    const removal = {
      ...step(`take away ${q.name(one)}`, operation, params, body),
      isLast: true,
      removes: true,
    }
    if (q.removes) plan.steps.push(removal)
    else plan.undeclared.push(q.name(one))
  }
}

/** Both. */
export function compareLists<Wanted, Found>(
  plan: Plan,
  q: Parameters<typeof addMissing<Wanted, Found>>[1] & Parameters<typeof endOthers<Wanted, Found>>[1],
): void {
  addMissing(plan, q)
  endOthers(plan, q)
}

/** Tells what is there and not declared, of a kind that is never taken away. */
export function tellOthers<Wanted, Found>(plan: Plan, q: Lists<Wanted, Found>): void {
  const named = new Set(q.wanted?.map(q.keyOf))
  if (q.wanted !== undefined)
    for (const one of q.found) if (!named.has(q.keyOf(one))) plan.undeclared.push(q.name(one))
}
