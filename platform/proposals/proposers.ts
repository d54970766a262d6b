/** Looks up the proposers: persons with their roles, API keys with the persons who answer for them. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import type { Proposers } from './create-approvals.ts'

export function createProposers(q: {
  people: Pick<PeopleStore, 'find'>
  apiKeys: Pick<ApiKeys, 'find'>
}): Proposers {
  /**
   * The active person at the start of the chain. A key may have made a key, and the person who made the first could know all
   * their secrets.
   */
  async function makerOf(key: string): Promise<string | null> {
    let maker: string | null = null
    for (let at = await q.apiKeys.find(key); at?.createdBy; at = await q.apiKeys.find(maker))
      maker = at.createdBy
    // A chain that starts at a key of the operator has no person.
    return maker !== null && (await isActive(maker)) ? maker : null
  }

  async function isActive(id: string): Promise<boolean> {
    return (await q.people.find(id))?.state === 'active'
  }

  return {
    makerOf,
    rolesOf: async ({ kind, id }) => {
      if (kind === 'key') return (await makerOf(id)) === null ? [] : ((await q.apiKeys.find(id))?.roles ?? [])
      const person = await q.people.find(id)
      return person?.state === 'active' ? person.roles : []
    },
  }
}
