/** Hosting mandates: which member may host clients of another member on its servers, and until when. */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import type { Change } from '../../changes/store.ts'
import type { MemberStore } from '../../members/store.ts'
import { postNotice } from '../../members/webhooks/client.ts'
import type { WebhookStore } from '../../members/webhooks/store.ts'
import { announceMandate, createMandateNotifier, NOTIFY_MANDATE } from './notices.ts'
import { mandateHandlers } from './routes.ts'
import { createMandateStore, hostingOf } from './store.ts'
import type { Tables } from './tables.ts'

type Ground = Pick<Services, 'database' | 'jobs' | 'clock' | 'log'> & {
  record: Change<Tables>
  webhooks: Pick<WebhookStore, 'urlOf'>
  members: Pick<MemberStore, 'parameters'>
}

/**
 * `hostingOf`: the client that a request hosts, the mandate that covers it, and those for which one is
 * missing.
 */
export const mandates: FeatureModule<Ground, { hostingOf: typeof hostingOf }> = {
  name: 'mandates',
  open: (ground) => {
    const { database, record, jobs, members, clock } = ground
    const store = createMandateStore(database, record, announceMandate(jobs, clock), clock)
    return {
      operations: mandateHandlers({ store, members, clock }),
      jobs: [
        { kind: NOTIFY_MANDATE, run: createMandateNotifier({ ...ground, post: postNotice }), places: 2 },
        {
          ...{ kind: 'settle-hosting-mandates', everySeconds: 60, immediately: true },
          run: () => store.settle(new Date(clock()).toISOString()),
        },
      ],
      health: { 'hosting-mandates': store.finding },
      offers: { hostingOf },
    }
  },
}
