/** The job that sends one message of the outbox: again and again until it is taken, refused for good, or too old. */
import type { Clock } from '#platform/clock.ts'
import type { JobHandler } from '#platform/jobs/create-jobs.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { SendMail } from './client.ts'
import { type Fields, render } from './rules.ts'
import type { MailStore } from './store.ts'

const GIVE_UP_MS = 3 * 86_400_000

/** `send` is undefined while the settings name no mail server: messages from before wait, and are given up. */
export function createDelivery(rooms: {
  store: Pick<MailStore, 'row' | 'tried' | 'end'>
  send: SendMail | undefined
  clock: Clock
  log: Log
}): JobHandler {
  const { store, send, clock, log } = rooms
  return async ({ payload }) => {
    const { mail } = payload as { mail: number }
    const row = await store.row(mail)
    // A job may run twice; a message that has ended is not sent again by that.
    if (row.state !== 'WAITING') return
    const fault = await tryToSend()
    if (fault === undefined) return store.end(mail, 'SENT', null, clock())
    const isOld = clock() - Date.parse(row.tried_since) > GIVE_UP_MS
    if (fault.code !== 'mail_refused' && !isOld) {
      await store.tried(mail, fault.message)
      throw fault
    }
    const state = fault.code === 'mail_refused' ? 'REFUSED' : 'GIVEN_UP'
    log.warn({ mail, text: row.text, state, fault: fault.code }, 'a message was not delivered')
    await store.end(mail, state, fault.message, clock())

    async function tryToSend(): Promise<Fault | undefined> {
      try {
        if (send === undefined) throw new Fault('mail_failed', { what: 'the settings name no mail server' })
        const { subject, text } = render(row.text, JSON.parse(row.fields) as Fields)
        await send({ id: `registry-mail-${mail}`, to: row.recipient, subject, text })
        return undefined
      } catch (thrown) {
        return asFault(thrown)
      }
    }
  }
}
