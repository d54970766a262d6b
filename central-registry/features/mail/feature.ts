/** E-mails to members: an outbox, the job that sends its messages, and the operations for administrators. */
import type { FeatureModule } from '#platform/feature.ts'
import { createSendMail } from '#platform/mail/client.ts'
import type { Services } from '#platform/services.ts'
import type { Change } from '../../changes/store.ts'
import { CONTACT_LETTER, createContactLetters } from '../../members/contacts/letters-store.ts'
import { forgetContacts } from '../../members/contacts/store.ts'
import type { MemberStore } from '../../members/store.ts'
import { createDelivery } from './deliver.ts'
import { mailMigrations } from './migrations.ts'
import { MAIL_STATES, mailHandlers } from './routes.ts'
import type { RegistryMail } from './rules.ts'
import { createMailStore } from './store.ts'
import type { Tables } from './tables.ts'
import { createTell, SEND_MAIL, type Tell } from './tell-store.ts'

type Ground = Pick<Services, 'database' | 'jobs' | 'metrics' | 'clock' | 'log'> & {
  /** Undefined when the settings name no mail server; then nothing is put into the outbox. */
  mailServer: RegistryMail | undefined
  record: Change<Tables>
  members: Pick<MemberStore, 'parameters'>
}

type Offers = {
  /** Puts e-mails into the outbox; undefined without a mail server. */
  letters: Tell | undefined
  /** The number of e-mails that were rejected or given up. */
  countUndelivered(): Promise<number>
  /** The e-mails that were rejected or given up since then, the newest first. */
  undeliveredSince(from: string, limit: number): Promise<{ id: number; at: string }[]>
}

export const mail: FeatureModule<Ground, Offers> = {
  name: 'mail',
  migrations: mailMigrations,
  open: (ground) => {
    const { mailServer, jobs, members, record, clock } = ground
    const store = createMailStore(ground.database, record)
    const send = mailServer === undefined ? undefined : createSendMail(mailServer)
    const language = mailServer?.language ?? 'en'
    ground.metrics.watch('concordat_mail_messages', 'Messages of the outbox by state', 'state', async () =>
      Promise.all(MAIL_STATES.map(async (state) => [state, await store.count({ state })] as const)),
    )
    return {
      operations: mailHandlers({
        ...{ store, members, isConfigured: send !== undefined, language, clock },
        enqueue: (within, id) => jobs.enqueue(SEND_MAIL, { mail: id }, { key: String(id), within }),
      }),
      jobs: [
        {
          kind: SEND_MAIL,
          run: createDelivery({
            ...{ ...ground, store, send, language },
            letters: { text: CONTACT_LETTER, ...createContactLetters(record) },
          }),
          places: 2,
        },
        {
          kind: 'forget-mail',
          everySeconds: 3600,
          destroys: true,
          run: async () => {
            await store.forget(clock())
            await forgetContacts(record, clock())
          },
        },
      ],
      offers: {
        letters: send === undefined ? undefined : createTell(ground),
        countUndelivered: () => store.count({ state: 'UNDELIVERED' }),
        undeliveredSince: store.undeliveredSince,
      },
    }
  },
}
