/** Rules for notices: what may be asked for, when is told, how a code looks; pure. */
import { Fault } from '#schemas/fault.ts'
import {
  type NewNotice,
  NOTICE_LANGUAGES,
  NOTICE_MODES,
  NOTICE_SUBJECTS,
  type NoticeMode,
  type NoticeSubject,
} from '#schemas/notices.ts'

export const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** Digests are made at this hour, UTC. */
const DIGEST_HOUR = 5
const CODE = /^[0-9]{8}$/

/** Addresses of one person on this server, and wishes at one address. */
export const MOST_ADDRESSES = 5
/** Codes to one address a day, and for one person. */
export const MOST_CODES = { address: 3, person: 10 }
export const MOST_TRIES = 5
/** A code that was just sent is not sent again. */
export const CODE_REST_MS = 10 * 60_000
export const CODE_MS = DAY_MS
/** Between two messages that are sent at once. */
export const REST_MS = 15 * 60_000
/** At the latest what waits is looked at again: somebody may have ended an exception. */
const LOOK_MS = HOUR_MS
/** How long nothing is sent to an address whose owner said that they did not ask. */
export const BLOCK_MS = 30 * DAY_MS

/** Throws `invalid_request`. The address is checked by its channel. */
export function readWish(body: unknown): Required<NewNotice> {
  const given = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const { channel, address, mode, language, about = ['uses'] } = given
  const others = Object.keys(given).filter(
    (name) => !['channel', 'address', 'mode', 'language', 'about'].includes(name),
  )
  const refused = (what: string): Fault => new Fault('invalid_request', { what })
  if (others.length > 0)
    throw refused('a wish has channel, address, mode, language and about, and nothing else')
  if (typeof channel !== 'string' || typeof address !== 'string')
    throw refused('channel and address have to be given')
  if (!NOTICE_MODES.some((one) => one === mode)) throw refused(`mode is one of ${NOTICE_MODES.join(', ')}`)
  if (!NOTICE_LANGUAGES.some((one) => one === language))
    throw refused(`language is one of ${NOTICE_LANGUAGES.join(', ')}`)
  return { channel, address: address.trim(), mode, language, about: subjectsIn(about) } as Required<NewNotice>
}

function subjectsIn(about: unknown): NoticeSubject[] {
  const known = Array.isArray(about) ? NOTICE_SUBJECTS.filter((one) => about.includes(one)) : []
  if (known.length === 0 || known.length !== (about as unknown[]).length)
    throw new Fault('invalid_request', { what: `about is a list of ${NOTICE_SUBJECTS.join(', ')}` })
  return known
}

/** The one text of a document. Throws `invalid_request`. */
export function readText(body: unknown, name: string): string {
  const value = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const text = value[name]
  if (typeof text !== 'string' || text.length > 200)
    throw new Fault('invalid_request', { what: `${name} has to be given` })
  return text
}

/** Without the spaces with which it is written; undefined for what is no code. */
export function codeIn(text: string): string | undefined {
  const code = text.replace(/[\s-]/g, '')
  return CODE.test(code) ? code : undefined
}

/** When a wish with these uses is looked at: at once, or at the next digest. */
export function nextLook(mode: NoticeMode, now: number, restUntil: string | null): string {
  const at = mode === 'at_once' ? now : nextDigest(mode, now)
  const rest = restUntil === null ? at : Date.parse(restUntil)
  return new Date(Math.max(at, rest)).toISOString()
}

/** The longest time from a look to the next one. */
export function longestLook(mode: NoticeMode): number {
  return mode === 'weekly' ? 7 * DAY_MS : DAY_MS
}

/**
 * When what is withheld or told by its month alone is looked at again: not before any of it can be told, but
 * within the hour.
 */
export function lookAgain(now: number, nextEnd: string | undefined): string {
  const at = new Date(now)
  const nextMonth = Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1)
  const end = nextEnd === undefined ? Number.POSITIVE_INFINITY : Date.parse(nextEnd)
  return new Date(Math.min(now + LOOK_MS, nextMonth, end)).toISOString()
}

/** Every day at five, or on Mondays. */
function nextDigest(mode: NoticeMode, now: number): number {
  const today = Math.floor(now / DAY_MS) * DAY_MS + DIGEST_HOUR * HOUR_MS
  const next = today > now ? today : today + DAY_MS
  if (mode === 'daily') return next
  // 1970-01-01 was a Thursday.
  const sinceMonday = (Math.floor(next / DAY_MS) + 3) % 7
  return next + ((7 - sinceMonday) % 7) * DAY_MS
}

export function dayOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10)
}

export function nextDay(now: number): string {
  return new Date((Math.floor(now / DAY_MS) + 1) * DAY_MS).toISOString()
}
