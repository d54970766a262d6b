/** Looks up the proposers: persons with their roles, API keys with the persons who answer for them. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { Within } from '#platform/database/open-database.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import type { Proposers } from './create-approvals.ts'

export function createProposers(q: {
  people: Pick<PeopleStore, 'find'>
  apiKeys: Pick<ApiKeys, 'find'>
}): Proposers {
  /**
   * The active person at the start of the chain. A key may have made a key, and the person who made the first
   * could know all their secrets.
   */
  async function makerOf(key: string, within?: Within): Promise<string | null> {
    let maker: string | null = null
    for (let at = await q.apiKeys.find(key, within); at?.createdBy; at = await q.apiKeys.find(maker, within))
      maker = at.createdBy
    // A chain that starts at a key of the operator has no person.
    return maker !== null && (await isActive(maker, within)) ? maker : null
  }

  async function isActive(id: string, within?: Within): Promise<boolean> {
    return (await q.people.find(id, within))?.state === 'active'
  }

  return {
    makerOf: (key) => makerOf(key),
    rolesOf: async ({ kind, id }, within) => {
      if (kind === 'key')
        return (await makerOf(id, within)) === null ? [] : ((await q.apiKeys.find(id, within))?.roles ?? [])
      const person = await q.people.find(id, within)
      return person?.state === 'active' ? person.roles : []
    },
  }
}
