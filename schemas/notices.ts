/**
 * What a tracker is asked about notices: a person wants to be told when their data is used. find-usage.yaml
 * has the same as OpenAPI; docs/notices.md explains.
 */

export const NOTICES_PATH = '/concordat/v1/notices'
export const CONFIRMATION_PATH = '/concordat/v1/notices/confirmation'
/** Asked without a person, with the token of a letter alone. */
export const STOP_PATH = '/concordat/v1/notices/stop'

export const NOTICE_MODES = ['at_once', 'daily', 'weekly'] as const
export type NoticeMode = (typeof NOTICE_MODES)[number]

/** What people are told of: that their data was used, that a complaint of theirs has an answer. */
export const NOTICE_SUBJECTS = ['uses', 'complaints'] as const
export type NoticeSubject = (typeof NOTICE_SUBJECTS)[number]

/** The languages of letters. */
export const NOTICE_LANGUAGES = ['en', 'et', 'ko', 'uk'] as const
export type NoticeLanguage = (typeof NOTICE_LANGUAGES)[number]

/** `failed`: nothing arrives at the address any more; who still wants to be told asks again. */
type NoticeState = 'asked' | 'confirmed' | 'failed'

export type Notice = {
  id: string
  channel: string
  /** Masked: nobody learns an address here who does not know it. */
  address: string
  mode: NoticeMode
  language: NoticeLanguage
  about: NoticeSubject[]
  state: NoticeState
  askedAt: string
  confirmedAt?: string
}

export type Notices = {
  subsystem: string
  server: string
  /** The channels that this server offers. */
  channels: string[]
  /** What people read for channels of its operator's own, by name and language. */
  titles?: Record<string, Partial<Record<NoticeLanguage, string>>>
  notices: Notice[]
}

/** Without `about` it is for uses alone. */
export type NewNotice = {
  channel: string
  address: string
  mode: NoticeMode
  language: NoticeLanguage
  about?: NoticeSubject[]
}

/** `secret`: what messages to a webhook are signed with (Standard Webhooks). */
export type AskedNotice = { notice: Notice; secret?: string }

/**
 * The system that a letter's link means, without its name: a portal finds it among those that it knows.
 * @param digest SHA-256 of the subsystem in colon form, hexadecimal.
 */
export function systemTag(digest: string): string {
  return digest.slice(0, 16)
}
