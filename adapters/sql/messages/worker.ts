/**
 * Rows as messages: what an application writes into its outbox table is handed over to the own security
 * server, and what comes to inboxes of the own agency calls statements. Whatever is away is waited for.
 */
import type { SecurityServer } from '#adapters/client/index.ts'
import { startInbox, startLoop } from '#adapters/kit/messages/loop.ts'
import { openOwnServer } from '#adapters/kit/messages/own-server.ts'
import type { OpenWorker, Worker, WorkerQuestion } from '#adapters/kit/serve-worker.ts'
import { dialectOf } from '../dialects.ts'
import { readStatement } from './bind-event.ts'
import { createCall } from './call-statement.ts'
import { checkSettings } from './check-settings.ts'
import { createGates } from './gates.ts'
import { type MessageStore, openMessageStore } from './message-store.ts'
import { createSendRows } from './send-rows.ts'
import { type SqlMessagesSettings, settingsSchema } from './settings.ts'

export const sqlMessages: Worker<SqlMessagesSettings> = {
  name: 'sql-messages',
  schema: settingsSchema,
  prefix: 'SQL_MESSAGES',
  check: checkSettings,
  open: (q) => openSqlMessages(q),
}

type Doors = { store: MessageStore; server: SecurityServer }

/** `arm` is for tests, which end the work between two steps. */
export async function openSqlMessages(
  { settings, log }: WorkerQuestion<SqlMessagesSettings>,
  arm: (doors: Doors) => Doors = (doors) => doors,
): Promise<OpenWorker> {
  const { database, limits, pollMs, outbox, receive } = settings
  const dialect = dialectOf(database)
  const { store, server } = arm({
    store: openMessageStore(database, limits.queryMs),
    server: await openOwnServer(settings.securityServer),
  })
  const gates = createGates({ server, log })
  const sending =
    outbox === undefined
      ? []
      : [
          startLoop({
            ...{ name: 'outbox', idleMs: pollMs, log },
            step: createSendRows({ outbox, limits, dialect, store, gates }),
          }),
        ]
  const receiving = receive.map((way) =>
    startInbox({
      ...{ name: way.name, inbox: server.inbox(way.inbox), log, options: { idleMs: pollMs } },
      handle: createCall({ statementOf: readStatement(way, dialect), dialect, store }),
    }),
  )
  return {
    health: {
      accepted: () => gates.finding(),
      ...Object.fromEntries(sending.map((loop) => ['outbox', () => loop.finding()])),
      ...Object.fromEntries(receive.map(({ name }, at) => [name, () => receiving[at]!.finding()])),
    },
    async close() {
      await Promise.all([...sending, ...receiving].map((loop) => loop.stop()))
      await store.close()
      server.close()
    },
  }
}
