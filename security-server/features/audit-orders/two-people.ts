/** Guarantees that two people agree to what an order shows of content, each of whom may still decide then. */
import type { Caller } from '#platform/http-service/caller.ts'
import { personBehind } from '#platform/people/person-behind.ts'
import { checkAnswerable, whyNotTwo } from '#platform/people/second-person.ts'
import type { TwoPeople } from './create-audit-orders.ts'
import type { Needs } from './needs.ts'

/** Roles that may decide about orders (x-roles in the API). */
const DECIDERS = ['XROAD_CONTENT_AUDITOR', 'XROAD_SECURITY_OFFICER']

export const mayDecide = ({ roles }: Pick<Caller, 'roles'>): boolean =>
  DECIDERS.some((role) => roles.includes(role))

/**
 * Two of those who may decide, as they may now: an approval does not outlive the role or the access of who
 * gave it.
 */
export function twoPeople(caller: Caller, rooms: Pick<Needs, 'apiKeys' | 'people'>): TwoPeople {
  const { apiKeys, people } = rooms
  return {
    checkFirst: () => checkAnswerable(caller, rooms),
    stillCounts: async (first, within) => {
      const person = await people.find(first, within)
      if (person !== undefined) return person.state === 'active' && mayDecide(person)
      const behind = await people.find(await personBehind({ kind: 'key', id: first }, apiKeys), within)
      return behind?.state === 'active' && mayDecide((await apiKeys.find(first, within)) ?? { roles: [] })
    },
    whyNot: (first) => whyNotTwo(first, caller.id, apiKeys),
  }
}
