/** The agency's policy on acts that take two people: which kinds of them, and from when on. */
import type { PeopleStore } from '#platform/people/store.ts'
import { Fault } from '#schemas/fault.ts'

/** The values of `x-four-eyes` in the API's file: each names the operations of one kind. */
export const ACT_KINDS = ['accessRights', 'anchor', 'exceptions', 'keys', 'people', 'retention'] as const

/** Whose two holders make a second person. */
const ADMINISTRATOR = 'XROAD_SYSTEM_ADMINISTRATOR'

/** Nobody withholds alone from people who used their data, whatever the policy is. */
const ALWAYS = ['exceptions'] as const

export type FourEyesPolicy = {
  /** The kinds that take two people always. */
  always: readonly string[]
  /** The kinds that take two people now. */
  inForce(): Promise<readonly string[]>
  /** Whether two system administrators have come in, whatever the policy names. */
  hasSecond(): Promise<boolean>
}

/**
 * The policy is in force from the moment when two system administrators have come in. Locking one of them
 * does not end it; only two people can give or take the role from then on.
 */
export function createFourEyesPolicy(q: {
  kinds: readonly string[]
  people: Pick<PeopleStore, 'cameInWith'>
}): FourEyesPolicy {
  const hasSecond = async (): Promise<boolean> => (await q.people.cameInWith(ADMINISTRATOR)) > 1
  return {
    always: ALWAYS,
    hasSecond,
    inForce: async () => (q.kinds.length > 0 && (await hasSecond()) ? q.kinds : []),
  }
}

/** Throws `invalid_configuration` for a policy that one person could get around. */
export function checkFourEyes(kinds: readonly string[], hasLogin: boolean): void {
  if (kinds.length === 0) return
  if (!hasLogin)
    throw new Fault('invalid_configuration', {
      what: 'fourEyes needs login: a second person agrees in person',
    })
  if (!kinds.includes('people'))
    throw new Fault('invalid_configuration', {
      what: 'fourEyes needs the kind people: who can invite somebody alone can be two persons',
    })
}
