/**
 * The job that sends one message of the outbox. It is repeated until the mail server accepts the message,
 * rejects it for good, or the message is too old.
 */

import type { Fields } from '#core/mail/mail-address.ts'
import type { Clock } from '#platform/clock.ts'
import type { JobHandler } from '#platform/jobs/create-jobs.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { SendMail } from '#platform/mail/client.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { type MailLanguage, render } from './rules.ts'
import type { MailStore } from './store.ts'

const GIVE_UP_MS = 3 * 86_400_000

/**
 * For the letters with this text: fields that are made when a letter is sent, and what to do when the mail
 * server rejects the address.
 */
type Letters = {
  text: string
  fieldsOf(fields: Fields, now: number): Promise<Fields>
  refused(recipient: string, now: number): Promise<void>
}

/**
 * `send` is undefined while the settings name no mail server; older messages then wait until they are given
 * up.
 */
export function createDelivery(rooms: {
  store: Pick<MailStore, 'row' | 'tried' | 'end'>
  send: SendMail | undefined
  language: MailLanguage
  letters: Letters
  clock: Clock
  log: Log
}): JobHandler {
  const { store, send, language, letters, clock, log } = rooms
  return async ({ payload }) => {
    const { mail } = payload as { mail: number }
    const row = await store.row(mail)
    // A job may run twice; a message that has ended is not sent again.
    if (row.state !== 'WAITING') return
    const fault = await tryToSend()
    if (fault === undefined) return store.end(mail, 'SENT', null, clock())
    const isOld = clock() - Date.parse(row.tried_since) > GIVE_UP_MS
    const isRefused = fault.code === 'mail_refused' || fault.code === 'mail_address_refused'
    if (!isRefused && !isOld) {
      await store.tried(mail, fault.message)
      throw fault
    }
    const state = isRefused ? 'REFUSED' : 'GIVEN_UP'
    log.warn({ mail, text: row.text, state, fault: fault.code }, 'a message was not delivered')
    if (fault.code === 'mail_address_refused') await letters.refused(row.recipient, clock())
    await store.end(mail, state, fault.message, clock())

    async function tryToSend(): Promise<Fault | undefined> {
      try {
        if (send === undefined)
          throw new Fault('mail_failed', { what: say`the settings name no mail server` })
        const kept = JSON.parse(row.fields) as Fields
        const more = row.text === letters.text ? await letters.fieldsOf(kept, clock()) : {}
        const { subject, text } = render(row.text, { ...kept, ...more }, language)
        await send({ id: `registry-mail-${mail}`, to: row.recipient, subject, text })
        return undefined
      } catch (thrown) {
        return asFault(thrown)
      }
    }
  }
}
