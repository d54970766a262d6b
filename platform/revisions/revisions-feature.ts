/**
 * The history of what was applied to a server from declared files, and what was changed since by other means.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { revisionHandlers } from './handlers.ts'
import { createRevisionStore } from './store.ts'
import { revisionMigrations } from './tables.ts'

/**
 * `declaredActs`: the operations of this server that change what its declared file can hold; these alone can
 * be drift. `holdsMail`: whether a content has mail addresses of people, which are not kept.
 */
export function revisionsFeature(
  declaredActs: readonly string[],
  holdsMail: (content: object) => boolean = () => false,
): FeatureModule<Pick<Services, 'database' | 'audit' | 'clock'>> {
  return {
    name: 'revisions',
    migrations: revisionMigrations,
    open: ({ database, audit, clock }) => ({
      operations: revisionHandlers({
        ...{ store: createRevisionStore(database), audit, clock, declaredActs, holdsMail },
      }),
    }),
  }
}
