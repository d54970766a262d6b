/**
 * Notices: people who want it are told, by e-mail, webhook or a channel of the operator's own, that their
 * data was used.
 */
import type { Feature, FeatureModule } from '#platform/feature.ts'
import { createSendMail, type MailServer } from '#platform/mail/client.ts'
import type { Services } from '#platform/services.ts'
import { Fault } from '#schemas/fault.ts'
import type { OwnListener } from '../../local-systems/check-address.ts'
import { noticePaths } from './answer-wishes.ts'
import { channelsOf } from './channels.ts'
import { createPostSigned } from './client.ts'
import { collectUses } from './collect-uses.ts'
import { noticeHandlers } from './handlers.ts'
import { createLetterStore } from './letters-store.ts'
import { noticeMigrations } from './migrations.ts'
import { type NoticeKey, openNoticeKey } from './notice-key.ts'
import { openOwnChannels } from './open-own-channels.ts'
import type { NoticeRooms } from './rooms.ts'
import { sendLetters } from './send-letters.ts'
import { type NoticeSettings, networksOf } from './settings.ts'
import { createUsesStore } from './uses-store.ts'
import { createWishStore } from './wishes-store.ts'
import { writeLetters } from './write-letters.ts'

type Ground = Pick<Services, 'database' | 'clock' | 'metrics' | 'log'> &
  Pick<NoticeRooms, 'server' | 'personUses'> & {
    settings: { notices?: NoticeSettings | undefined }
    folder(name: string): Promise<string>
    ownListeners: readonly OwnListener[]
    mailServer: MailServer | undefined
    trackerFilter: NoticeRooms['tracker'] & {
      answerNotices(paths: ReturnType<typeof noticePaths>): void
    }
  }

const COLLECT_SECONDS = 5
const FORGET_SECONDS = 3600
/** Letters that are due begin at once; so long it takes at most when a look fails. */
const SEND_SECONDS = 300
const DIRECTORY = 'notice-keys'

export const notices: FeatureModule<Ground> = {
  name: 'notices',
  migrations: noticeMigrations,
  open: async (ground) => {
    const { database, clock, settings, mailServer, metrics } = ground
    const wishes = createWishStore(database)
    const letters = createLetterStore(database)
    if (settings.notices === undefined) return { operations: noticeHandlers({ wishes, letters, clock }) }
    const folder = await ground.folder(DIRECTORY)
    let key = await openNoticeKey(folder, wishes)
    const rooms: NoticeRooms = {
      ...{ server: ground.server, clock, log: ground.log, settings: settings.notices },
      ...{ wishes, letters, uses: createUsesStore(database), personUses: ground.personUses },
      tracker: ground.trackerFilter,
      key: () => key ?? missingKey(),
      channels: channelsOf({
        sendMail: mailServer && createSendMail(mailServer),
        postSigned: settings.notices.webhooks
          ? createPostSigned({
              networks: networksOf(settings.notices.webhookNetworks),
              own: ground.ownListeners,
            })
          : undefined,
        own: await openOwnChannels(settings.notices.channels, ground.ownListeners),
      }),
    }
    ground.trackerFilter.answerNotices(noticePaths(rooms))
    metrics.watch('concordat_notices', 'Wishes of people to be told, by state', 'state', () =>
      wishes.counts(),
    )
    metrics.watch('concordat_notice_letters', 'Messages to people of the last 30 days', 'state', async () => {
      const counts = await letters.counts()
      return [...Map.groupBy(counts, ({ state }) => state)].map(
        ([state, of]) => [state, of.reduce((sum, one) => sum + one.letters, 0)] as const,
      )
    })
    return {
      operations: noticeHandlers({
        ...rooms,
        isKeyMissing: () => key === undefined,
        openKey: async () => {
          key = await openNoticeKey(folder, wishes)
        },
      }),
      jobs: jobsOf(rooms),
    }
  },
}

function jobsOf(rooms: NoticeRooms): NonNullable<Feature['jobs']> {
  const { channels, letters, wishes, clock } = rooms
  return [
    {
      ...{ kind: 'notice-uses', everySeconds: COLLECT_SECONDS },
      run: async ({ signal }) => {
        // What was found is told while the holder of the keys is away.
        try {
          await collectUses(rooms, signal)
        } finally {
          await writeLetters(rooms, signal)
        }
      },
    },
    ...channels.map((channel) => ({
      ...{ kind: `notice-letters-${channel.name}`, everySeconds: SEND_SECONDS, places: 1 },
      isDue: async () =>
        (await letters.isDue(channel.name, clock())) && (await wishes.stopped()) === undefined,
      run: ({ signal }: { signal?: AbortSignal }) => sendLetters(channel, rooms, signal),
    })),
    {
      ...{ kind: 'notice-forget', everySeconds: FORGET_SECONDS, destroys: true },
      run: async () => {
        await wishes.forget(clock())
        await letters.forget(clock())
      },
    },
  ]
}

function missingKey(): NoticeKey {
  throw new Fault('io_error', {
    what: `${DIRECTORY}/notices.key is not the one that the wishes of people need: copy it from another node, or forget all wishes`,
  })
}
