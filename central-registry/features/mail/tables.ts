/** Row types of the outbox. `_at` columns are ISO texts. */
import type { Generated } from 'kysely'
import type { RegisterTables } from '../../register/tables.ts'

/** REFUSED: the mail server rejected it for good. GIVEN_UP: it could not be sent for three days. */
export type MailState = 'WAITING' | 'SENT' | 'REFUSED' | 'GIVEN_UP'

export type MailTables = {
  mail_message: {
    id: Generated<number>
    recipient: string
    text: string
    fields: string
    state: MailState
    created_at: string
    tried_since: string
    attempts: Generated<number>
    last_error: string | null
    ended_at: string | null
  }
}

/** The tables that this feature's stores use. */
export type Tables = RegisterTables & MailTables
