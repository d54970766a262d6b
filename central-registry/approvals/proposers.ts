/** What is known of those who propose: persons with their roles, API keys with those who made them. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { PeopleStore } from '../people/store.ts'
import type { Proposers } from './create-approvals.ts'

export function createProposers(q: {
  people: Pick<PeopleStore, 'find'>
  apiKeys: Pick<ApiKeys, 'find'>
}): Proposers {
  return {
    rolesOf: async ({ kind, id }) => {
      if (kind === 'key') return (await q.apiKeys.find(id))?.roles ?? []
      const person = await q.people.find(id)
      return person?.state === 'active' ? person.roles : []
    },
    makerOf: async (key) => {
      let maker: string | null = null
      // A key may have made a key: whoever made the first one could hold them all.
      for (let at = await q.apiKeys.find(key); at?.createdBy; at = await q.apiKeys.find(maker))
        maker = at.createdBy
      return maker
    },
  }
}
