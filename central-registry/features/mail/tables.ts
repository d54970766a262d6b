/** Row types of the outbox. `_at` columns are ISO texts. */
import type { Generated } from 'kysely'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { RegisterTables } from '../../register/tables.ts'

/** REFUSED: the mail server rejected it for good. GIVEN_UP: it could not be sent for three days. */
export type MailState = 'WAITING' | 'SENT' | 'REFUSED' | 'GIVEN_UP'

export type MailTables = {
  mail_message: {
    id: Generated<Whole>
    recipient: string
    text: string
    fields: string
    state: MailState
    created_at: Time
    tried_since: string
    attempts: Generated<Whole>
    last_error: string | null
    ended_at: Time | null
  }
}

/** The tables that this feature's stores use. */
export type Tables = RegisterTables & MailTables
