/** Global groups and their members. */

import type { Database } from '#platform/database/open-database.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { Change } from '../changes/store.ts'
import type { MemberStore } from '../members/store.ts'
import { groupHandlers } from './routes.ts'
import { createGroupStore } from './store.ts'

type Ground = { database: Database; change: Change; members: MemberStore }

export const groups: FeatureModule<Ground> = {
  name: 'groups',
  open: ({ database, change, members }) => ({
    operations: groupHandlers({ store: createGroupStore(database, change), members }),
  }),
}
