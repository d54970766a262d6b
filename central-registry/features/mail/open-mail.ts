/** The room's own wiring: outbox, what tells, the job that sends, the operations; registry.ts hands in what it stands on. */
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { JobHandler, Jobs } from '#platform/jobs/create-jobs.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { Change } from '../../changes/store.ts'
import { CONTACT_LETTER, createContactLetters } from '../../members/contacts/letters-store.ts'
import { forgetContacts } from '../../members/contacts/store.ts'
import type { MemberStore } from '../../members/store.ts'
import { createSendMail, type MailServer } from './client.ts'
import { createDelivery } from './deliver.ts'
import { MAIL_STATES, mailHandlers } from './routes.ts'
import { createMailStore } from './store.ts'
import type { Tables } from './tables.ts'
import { createTell, SEND_MAIL, type Tell } from './tell-store.ts'

/** The kind of the job that forgets what ended long ago. */
export const FORGET_MAIL = 'forget-mail'
export const FORGET_MAIL_SECONDS = 3600

type Mail = {
  /** Undefined without a mail server: nothing is put into the outbox. */
  tell: Tell | undefined
  deliver: JobHandler
  forget: JobHandler
  handlers: Record<string, OperationHandler>
  /** Messages that were refused or given up. */
  undelivered(): Promise<number>
}

export function openMail(q: {
  server: MailServer | undefined
  database: Database
  record: Change<Tables>
  jobs: Pick<Jobs, 'enqueue'>
  members: Pick<MemberStore, 'parameters'>
  metrics: Metrics
  clock: Clock
  log: Log
}): Mail {
  const store = createMailStore(q.database, q.record)
  const send = q.server === undefined ? undefined : createSendMail(q.server)
  q.metrics.watch('concordat_mail_messages', 'Messages of the outbox by state', 'state', async () =>
    Promise.all(MAIL_STATES.map(async (state) => [state, await store.count({ state })] as const)),
  )
  return {
    tell: send === undefined ? undefined : createTell(q),
    deliver: createDelivery({
      ...{ ...q, store, send },
      letters: { text: CONTACT_LETTER, ...createContactLetters(q.record) },
    }),
    undelivered: () => store.count({ state: 'UNDELIVERED' }),
    async forget() {
      await store.forget(q.clock())
      await forgetContacts(q.record, q.clock())
    },
    handlers: mailHandlers({
      store,
      members: q.members,
      isConfigured: send !== undefined,
      enqueue: (within, mail) => q.jobs.enqueue(SEND_MAIL, { mail }, { key: String(mail), within }),
      clock: q.clock,
    }),
  }
}
