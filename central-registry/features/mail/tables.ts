/** Row types of the outbox. `_at` columns are ISO texts. */
import type { Generated } from 'kysely'
import type { RegisterTables } from '../../register/tables.ts'

/** REFUSED: the mail server never takes it; GIVEN_UP: none took it for three days. */
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

/** What its stores read and write. */
export type Tables = RegisterTables & MailTables
