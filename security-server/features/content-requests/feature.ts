/** Four eyes for content: where the policy says so, one auditor asks to see it and another one agrees. */
import type { FeatureModule } from '#platform/feature.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import type { Services } from '#platform/services.ts'
import { type ContentRequests, createContentRequests } from './create-content-requests.ts'
import { contentRequestHandlers } from './handlers.ts'
import { contentRequestMigrations } from './migrations.ts'

type Ground = Pick<Services, 'database' | 'clock' | 'apiKeys'> & {
  people: Pick<PeopleStore, 'find'>
  settings: { auditing: { contentFourEyes: boolean } }
}

export const contentRequests: FeatureModule<Ground, { contentRequests: ContentRequests }> = {
  name: 'content-requests',
  migrations: contentRequestMigrations,
  open: (ground) => {
    const requests = createContentRequests({
      ...ground,
      isRequired: ground.settings.auditing.contentFourEyes,
    })
    return {
      operations: contentRequestHandlers({ contentRequests: requests }),
      offers: { contentRequests: requests },
    }
  },
}
