/**
 * Revocation within a minute: asks the CAs of peers' certificates in the background, and refuses those that
 * are revoked.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { type Answered, createAuthorityQuestions } from './ask-authorities.ts'
import { revocationMigrations } from './migrations.ts'
import { createRevocationStore } from './store.ts'

type Ground = Omit<Parameters<typeof createAuthorityQuestions>[0], 'store' | 'intervalMs' | 'count'> &
  Pick<Services, 'database' | 'metrics'> & { settings: { peers: { revocationSeconds: number } } }

const IDLE_SECONDS = 3600

export const revocations: FeatureModule<Ground> = {
  name: 'revocations',
  migrations: revocationMigrations,
  open: async (ground) => {
    const { database, metrics, settings } = ground
    const asked = metrics.counter(
      'concordat_revocation_questions_total',
      'Questions to CAs about certificates of peers',
      ['answer'],
    )
    const questions = createAuthorityQuestions({
      ...ground,
      store: createRevocationStore(database),
      intervalMs: settings.peers.revocationSeconds * 1000,
      count: (answer: Answered) => asked.inc({ answer }),
    })
    metrics.watch(
      'concordat_revoked_peer_certificates',
      'Certificates of peers that their CAs revoked',
      questions.revoked,
    )
    metrics.watch(
      'concordat_revocation_unanswered_seconds',
      'The longest time for which no CA has answered about a certificate of a peer in use',
      questions.unansweredSeconds,
    )
    await questions.obeyStored()
    return {
      jobs: [
        {
          // Each node asks about the peers that it met itself.
          ...{ kind: 'ask-authorities', everySeconds: IDLE_SECONDS, onEachNode: true },
          isDue: questions.isDue,
          run: questions.ask,
        },
      ],
    }
  },
}
