/** Trusted other instances: their anchors, their configurations as last read, and look-ups in those. */
import type { Kysely } from 'kysely'
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { type Change, within } from '../../changes/store.ts'
import { createImportClient } from '../../configuration/other-instances/client.ts'
import type { MemberStore } from '../../members/store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { createFollow } from './follow.ts'
import { federationHandlers } from './routes.ts'
import { createFederationStore, type FederationStore } from './store.ts'
import type { Tables } from './tables.ts'
import { createFederatedViews, type FederatedViews } from './views.ts'

/** Short enough that a suspension at another registry takes effect here within a minute. */
const FOLLOW_SECONDS = 15

type Ground = Pick<Services, 'database' | 'metrics' | 'clock' | 'log'> & {
  change: Change<Tables>
  record: Change<Tables>
  members: Pick<MemberStore, 'parameters'>
}

type Offers = {
  federation: {
    views: FederatedViews
    anchors: Pick<FederationStore, 'list' | 'count'>
    /** DER of the certificates of the keys that sign our own configuration. */
    ownCertificates(): Promise<Buffer[]>
    /** Has `act` run each time after an administrator had all configurations read at once. */
    afterReading(act: () => Promise<void>): void
    /** Removes a trusted anchor within the caller's transaction. */
    removeAnchor(
      transaction: Kysely<RegisterTables>,
      sha256: string,
      decision: { by: string; at: string },
    ): Promise<unknown>
  }
}

export const federation: FeatureModule<Ground, Offers> = {
  name: 'federation',
  open: (ground) => {
    const client = createImportClient()
    const store = createFederationStore(ground.database, ground.change, ground.record)
    const read = createFollow({ ...ground, store, client })
    let unreadable = 0
    ground.metrics.watch(
      'concordat_federated_instances_unreadable',
      'Trusted instances of which no valid configuration is known',
      () => unreadable,
    )
    const count = async (): Promise<void> => {
      const [trusted, known] = [await store.trusted(), await store.configurations()]
      const valid = known.filter(({ expires_at }) => Date.parse(expires_at ?? '') > ground.clock())
      unreadable = trusted.length - valid.length
    }
    const following: (() => Promise<void>)[] = []
    const followAll = async (): Promise<void> => {
      await read.all()
      await count()
      for (const act of following) await act()
    }
    return {
      operations: federationHandlers({ ...ground, store, client, follow: followAll }),
      jobs: [
        {
          ...{ kind: 'follow-federation', everySeconds: FOLLOW_SECONDS },
          run: async () => {
            await read.briefly()
            await count()
          },
        },
      ],
      offers: {
        federation: {
          views: createFederatedViews({ ...ground, store }),
          anchors: store,
          ownCertificates: store.ownCertificates,
          afterReading: (act) => {
            following.push(act)
          },
          removeAnchor: (transaction, sha256, decision) => {
            const [tabled, change] = within(transaction)
            return createFederationStore(tabled, change, change).remove(sha256, decision)
          },
        },
      },
    }
  },
}
