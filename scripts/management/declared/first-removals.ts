/**
 * Lets a plan take away only what the first plan of its kind did: what somebody adds meanwhile was in no plan
 * that anybody saw.
 */
import type { Plan, Step } from './step.ts'

export function firstRemovals(): (plan: Plan) => Plan {
  let first: Set<string> | undefined
  return (plan) => {
    first ??= new Set(plan.steps.filter((one) => one.removes).map(callOf))
    const isNew = (one: Step): boolean => one.removes === true && first?.has(callOf(one)) === false
    return {
      ...plan,
      steps: plan.steps.filter((one) => !isNew(one)),
      undeclared: [...plan.undeclared, ...plan.steps.filter(isNew).map(({ says }) => says)],
    }
  }
}

function callOf({ call }: Step): string {
  return JSON.stringify(call)
}
