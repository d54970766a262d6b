/** Members, their classes and subsystems, and how they are related. */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { createRelationStore } from './relations-store.ts'
import { memberHandlers } from './routes.ts'
import type { MemberStore } from './store.ts'

type Ground = Pick<Services, 'database' | 'clock'> & {
  members: MemberStore
  /** Whether changes of trust need two persons now. */
  fourEyes(): Promise<boolean>
}

export const members: FeatureModule<Ground> = {
  name: 'members',
  open: ({ members: store, fourEyes, database, clock }) => ({
    operations: memberHandlers({ store, relations: createRelationStore(database), clock, fourEyes }),
  }),
}
