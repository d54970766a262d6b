/** Reads what a system says of a person's notices. It may lie: nothing is taken that is not as the description says. */
import { isPlainText } from '#platform/plain-text.ts'
import { NOTICE_MODES, NOTICE_SUBJECTS, type Notice } from '#schemas/notices.ts'

/** What pages show of a wish. */
export type ShownNotice = Pick<Notice, 'id' | 'channel' | 'address' | 'mode' | 'about' | 'state'>

/** The channels that people can choose here. */
export const CHANNELS = ['email', 'webhook'] as const

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const SECRET = /^whsec_[A-Za-z0-9+/]{20,100}={0,2}$/
const STATES = ['asked', 'confirmed', 'failed'] as const
const MOST_WISHES = 20
const MOST_ADDRESS = 600

export function isNoticeId(text: string): boolean {
  return ID.test(text)
}

/** `isCut`: some were left out. */
export type ReadNotices = { channels: string[]; notices: ShownNotice[]; isCut: boolean }

/** Undefined for an answer in another form. */
export function readNotices(json: unknown): ReadNotices | undefined {
  const { channels, notices } = (json ?? {}) as { channels?: unknown; notices?: unknown }
  if (!Array.isArray(channels) || !Array.isArray(notices)) return undefined
  const read = notices.slice(0, MOST_WISHES).flatMap((one) => noticeIn(one) ?? [])
  return {
    channels: CHANNELS.filter((one) => channels.includes(one)),
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

function noticeIn(given: unknown): ShownNotice | undefined {
  const { id, channel, address, ...of } = (given ?? {}) as Record<string, unknown>
  const mode = NOTICE_MODES.find((one) => one === of['mode'])
  const state = STATES.find((one) => one === of['state'])
  const known = CHANNELS.find((one) => one === channel)
  if (typeof id !== 'string' || !ID.test(id) || mode === undefined || state === undefined) return undefined
  if (known === undefined || !isPlainText(address, MOST_ADDRESS)) return undefined
  // A server of an earlier version tells of uses, and does not say so.
  const { about = ['uses'] } = of
  if (!Array.isArray(about)) return undefined
  return {
    id,
    channel: known,
    address,
    mode,
    about: NOTICE_SUBJECTS.filter((one) => about.includes(one)),
    state,
  }
}
