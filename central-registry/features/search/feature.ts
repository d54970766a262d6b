/** The search over everything in the register, for the console. */
import type { FeatureModule } from '#platform/feature.ts'
import type { Operation } from '#platform/http-service/openapi-operations.ts'
import type { ProposalStore } from '#platform/proposals/store.ts'
import { listsOf } from './lists.ts'
import { searchHandlers } from './routes.ts'

type Rooms = Parameters<typeof listsOf>[0]

type Ground = Pick<Rooms, 'members' | 'servers' | 'requestList'> & {
  contracts: { reading: Rooms['contracts'] }
  proposalList: Pick<ProposalStore, 'list' | 'count'>
  /** All operations of the management API. */
  apiOperations: Operation[]
}

export const search: FeatureModule<Ground> = {
  name: 'search',
  open: ({ contracts, apiOperations, ...ground }) => ({
    operations: searchHandlers({
      lists: listsOf({ ...ground, contracts: contracts.reading }),
      rolesFor: (operation) => apiOperations.find(({ id }) => id === operation)?.roles ?? [],
    }),
  }),
}
