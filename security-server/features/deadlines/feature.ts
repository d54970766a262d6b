/**
 * Letters ahead of what ends: certificates, contracts, the age of PINs, backups; 60, 30, 14, 7 and 1 days
 * ahead, and at the end.
 */
import type { FeatureModule } from '#platform/feature.ts'
import { createSendMail, type MailServer } from '#platform/mail/client.ts'
import { watchCertificates } from '#platform/metrics/watch-certificates.ts'
import type { Services } from '#platform/services.ts'
import { certificateEnds } from './certificate-ends.ts'
import { deadlineHandlers } from './handlers.ts'
import { lookForDeadlines } from './look.ts'
import { deadlineMigrations } from './migrations.ts'
import type { DeadlineRooms } from './rooms.ts'
import { sendLetters } from './send-letters.ts'
import type { DeadlineSettings } from './settings.ts'
import { createDeadlineStore } from './store.ts'

type Ground = DeadlineRooms &
  Pick<Services, 'database' | 'metrics'> & {
    settings: { deadlines?: DeadlineSettings | undefined; login?: { baseUrl: string } | undefined }
    mailServer: MailServer | undefined
  }

const LOOK_SECONDS = 3600
/** Letters that are due leave at once; so long it takes at most when a look fails. */
const SEND_SECONDS = 3600

export const deadlines: FeatureModule<Ground> = {
  name: 'deadlines',
  migrations: deadlineMigrations,
  open: async (ground) => {
    const { database, clock, mailServer, metrics } = ground
    const settings = ground.settings.deadlines
    const store = createDeadlineStore(database)
    const operations = deadlineHandlers({ ...ground, store, settings })
    const others = (): ReturnType<typeof certificateEnds> => certificateEnds(ground)
    await watchCertificates({ metrics, clock, settings: ground.settings, others })
    if (settings === undefined || mailServer === undefined) return { operations }
    const base = settings.console ?? ground.settings.login?.baseUrl ?? '...'
    const rooms = {
      ...{ ...ground, store, settings, send: createSendMail(mailServer) },
      console: `${base.replace(/\/$/, '')}/console`,
    }
    metrics.watch('concordat_deadline_letters', 'Letters about what ends, by state', 'state', () =>
      store.counts(),
    )
    return {
      operations,
      jobs: [
        {
          ...{ kind: 'look-for-deadlines', everySeconds: LOOK_SECONDS, onEachNode: true, immediately: true },
          run: ({ signal }) => lookForDeadlines(rooms, signal),
        },
        {
          ...{ kind: 'send-deadline-letters', everySeconds: SEND_SECONDS, places: 1 },
          isDue: () => store.isDue(clock()),
          run: ({ signal }) => sendLetters(rooms, signal),
        },
        {
          ...{ kind: 'forget-deadline-letters', everySeconds: 24 * 3600, destroys: true },
          run: () => store.forget(clock()),
        },
      ],
    }
  },
}
