/**
 * Row types of notices. Times are ISO texts. Who somebody is and where they are told is sealed under the
 * server's key for notices; `person`, `digest` and `name` are keyed digests under it.
 */
import type { NoticeLanguage, NoticeMode } from '#schemas/notices.ts'
import type { Time, Uuid, Whole } from '#schemas/sent-values.ts'

export type AddressState = 'ASKED' | 'CONFIRMED' | 'FAILED'
/** REFUSED: for good. GIVEN_UP: it could not be sent for three days. */
export type LetterState = 'WAITING' | 'SENT' | 'REFUSED' | 'GIVEN_UP'

export type AddressRow = {
  id: Uuid
  person: string
  channel: string
  sealed: string
  digest: string
  state: AddressState
  asked_at: Time
  confirmed_at: Time | null
  failed_at: Time | null
  /** A keyed digest of the code. */
  code: string | null
  code_at: Time | null
  tries: Whole
  /** What its codes are counted under; null from a node of the version before. */
  counted: string | null
}

/**
 * `look_at`: when its uses are looked at next, if it has any; `rest_until`: before that no message is made.
 */
export type WishRow = {
  id: Uuid
  person: string
  subsystem: string
  address: string
  mode: NoticeMode
  language: NoticeLanguage
  /** `NoticeSubject`s with spaces between them. */
  about: string
  asked_at: Time
  look_at: Time | null
  rest_until: Time | null
  /** 1: more uses came than are kept. */
  is_more: Whole
}

/**
 * `channel`: see letters-store.ts. `fields`: JSON; emptied when the letter has ended. `next_at`: when it is
 * tried.
 */
type LetterRow = {
  id: Uuid
  address: string
  wish: string
  channel: string
  kind: 'code' | 'uses' | 'complaint'
  fields: string
  state: LetterState
  created_at: Time
  next_at: Time
  ended_at: Time | null
  last_error: string | null
  attempts: Whole
}

export type NoticeTables = {
  /** `sealed`: type and identifier. `known`: months and keys for which the entries are here. */
  notice_person: { person: string; sealed: string; known: string }
  /** Entries of the index by person, as they are in the log's database. */
  notice_entry: { entry: string; person: string }
  notice_address: AddressRow
  notice_wish: WishRow
  /** Requests about the person that were not told yet. */
  notice_use: { wish: string; idx: number }
  notice_letter: LetterRow
  /** Of one day, or until a day. */
  notice_count: { name: string; day: string; count: number }
  notice_state: { name: string; value: string }
}
