/**
 * Reads what a system says of a person's notices. It may lie: nothing is taken that is not as the description
 * says.
 */
import { isPlainText } from '#platform/plain-text.ts'
import { NOTICE_MODES, NOTICE_SUBJECTS, type Notice } from '#schemas/notices.ts'
import { isObject } from '../asking/read-usages.ts'

/** A channel that people can choose here; `titles` has those of an operator's own, by language. */
export type ShownChannel = { name: string; titles?: Record<string, string> }

/** What pages show of a wish. */
export type ShownNotice = Pick<Notice, 'id' | 'channel' | 'address' | 'mode' | 'about' | 'state'>

/** Those for which the portal has words of its own. */
const CHANNELS: readonly string[] = ['email', 'webhook']
/** Of an operator's own. */
const NAME = /^[a-z][a-z0-9-]{1,19}$/
const MOST_CHANNELS = 12
const MOST_TITLE = 60

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const SECRET = /^whsec_[A-Za-z0-9+/]{20,100}={0,2}$/
const STATES = ['asked', 'confirmed', 'failed'] as const
const MOST_WISHES = 20
const MOST_ADDRESS = 600

export function isNoticeId(text: string): boolean {
  return ID.test(text)
}

/** `isCut`: some were left out. */
export type ReadNotices = { channels: ShownChannel[]; notices: ShownNotice[]; isCut: boolean }

/** Undefined for an answer in another form. */
export function readNotices(json: unknown): ReadNotices | undefined {
  const { channels, notices, titles } = (json ?? {}) as Record<string, unknown>
  if (!Array.isArray(channels) || !Array.isArray(notices)) return undefined
  const read = notices.slice(0, MOST_WISHES).flatMap((one) => noticeIn(one) ?? [])
  return {
    channels: channels.slice(0, MOST_CHANNELS).flatMap((one) => channelIn(one, titles) ?? []),
    ...{ notices: read, isCut: notices.length > read.length },
  }
}

/** The wish that was asked for, and the secret of a webhook. */
export function readAsked(json: unknown): { notice: ShownNotice; secret: string | undefined } | undefined {
  const { notice, secret } = (json ?? {}) as { notice?: unknown; secret?: unknown }
  const read = noticeIn(notice)
  const isSecret = typeof secret === 'string' && SECRET.test(secret)
  return read && { notice: read, secret: isSecret ? secret : undefined }
}

export function isChannel(name: unknown): name is string {
  return typeof name === 'string' && NAME.test(name)
}

/** Nobody can choose what the portal cannot name. */
function channelIn(name: unknown, given: unknown): ShownChannel | undefined {
  if (!isChannel(name)) return undefined
  if (CHANNELS.includes(name)) return { name }
  const all = isObject(given) && Object.hasOwn(given, name) ? given[name] : undefined
  const titles = Object.entries(isObject(all) ? all : {}).filter(
    (one): one is [string, string] => /^[a-z]{2}$/.test(one[0]) && isPlainText(one[1], MOST_TITLE),
  )
  return titles.length === 0 ? undefined : { name, titles: Object.fromEntries(titles) }
}

function noticeIn(given: unknown): ShownNotice | undefined {
  const { id, channel, address, ...of } = (given ?? {}) as Record<string, unknown>
  const mode = NOTICE_MODES.find((one) => one === of['mode'])
  const state = STATES.find((one) => one === of['state'])
  if (typeof id !== 'string' || !ID.test(id) || mode === undefined || state === undefined) return undefined
  if (!isChannel(channel) || !isPlainText(address, MOST_ADDRESS)) return undefined
  // A server of an earlier version tells of uses, and does not say so.
  const { about = ['uses'] } = of
  if (!Array.isArray(about)) return undefined
  return {
    id,
    channel,
    address,
    mode,
    about: NOTICE_SUBJECTS.filter((one) => about.includes(one)),
    state,
  }
}
