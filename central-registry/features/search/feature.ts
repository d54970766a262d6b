/** The search over everything in the register, for the console. */
import type { Database } from '#platform/database/open-database.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { Operation } from '#platform/http-service/openapi-operations.ts'
import type { ProposalStore } from '#platform/proposals/store.ts'
import type { Change } from '../../changes/store.ts'
import { createGroupStore } from '../../groups/store.ts'
import { createTrustSearch } from '../../trust/search-store.ts'
import { listsOf } from './lists.ts'
import { searchHandlers } from './routes.ts'

type Rooms = Parameters<typeof listsOf>[0]

type Ground = Pick<Rooms, 'members' | 'servers' | 'catalogue' | 'requestList' | 'people'> & {
  database: Database
  change: Change
  contracts: { reading: Rooms['contracts'] }
  federation: { anchors: Rooms['anchors'] }
  proposalList: Pick<ProposalStore, 'list' | 'count'>
  /** All operations of the management API. */
  apiOperations: Operation[]
}

export const search: FeatureModule<Ground> = {
  name: 'search',
  open: ({ database, change, contracts, federation, apiOperations, ...ground }) => ({
    operations: searchHandlers({
      lists: listsOf({
        ...ground,
        groups: createGroupStore(database, change),
        contracts: contracts.reading,
        anchors: federation.anchors,
        trustSearch: createTrustSearch(database),
      }),
      rolesFor: (operation) => apiOperations.find(({ id }) => id === operation)?.roles ?? [],
    }),
  }),
}
