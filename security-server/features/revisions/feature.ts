/** The history of what was applied to this server from declared files, and what was changed since by other means. */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { revisionHandlers } from './handlers.ts'
import { createRevisionStore } from './store.ts'
import { revisionMigrations } from './tables.ts'

export const revisions: FeatureModule<Pick<Services, 'database' | 'audit' | 'clock'>> = {
  name: 'revisions',
  migrations: revisionMigrations,
  open: ({ database, audit, clock }) => ({
    operations: revisionHandlers({ store: createRevisionStore(database), audit, clock }),
  }),
}
