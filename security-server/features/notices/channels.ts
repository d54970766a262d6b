/**
 * The channels by which people are told: one object each. Those of the operator's own are made by
 * `open-own-channels.ts`.
 */
import { isAddress } from '#core/mail/mail-address.ts'
import type { SendMail } from '#platform/mail/client.ts'
import { Fault } from '#schemas/fault.ts'
import type { NoticeLanguage } from '#schemas/notices.ts'
import type { PostSigned } from './client.ts'
import { type LetterContent, renderLetter } from './render-letter.ts'
import type { OwnChannel } from './settings.ts'

/** `stopAt`: the portal's page that stops this wish without a login. */
type Letter = {
  id: string
  to: string
  content: LetterContent
  language: NoticeLanguage
  portal: string
  stopAt: string
  /** What a channel with a secret signs with, base64. */
  secret: string
  now: number
}

export type Channel = {
  name: string
  /** What people read for it, by language; absent where each portal has words of its own. */
  titles?: OwnChannel['titles']
  /** The address as it is kept; undefined if the text is no address of this channel. */
  addressIn(text: string): string | undefined
  /** Enough for its owner to recognise it, and no more. */
  masked(address: string): string
  /** Under what letters are counted: spellings that reach the same place are one. */
  counted(address: string): string
  /** Whether the person gets a secret, with which they verify what comes. */
  hasSecret: boolean
  /** `refused`: nothing will ever arrive there. Throws what may pass; its text contains no address. */
  send(letter: Letter): Promise<'sent' | 'refused'>
}

const MOST_URL = 500

export function channelsOf(q: {
  sendMail: SendMail | undefined
  postSigned: PostSigned | undefined
  own?: readonly Channel[]
}): Channel[] {
  return [
    ...(q.sendMail === undefined ? [] : [email(q.sendMail)]),
    ...(q.postSigned === undefined ? [] : [webhook(q.postSigned)]),
    ...(q.own ?? []),
  ]
}

function email(send: SendMail): Channel {
  return {
    name: 'email',
    hasSecret: false,
    addressIn: (text) => (isAddress(text) ? text : undefined),
    masked: (address) => `${address[0]}…${address.slice(address.lastIndexOf('@'))}`,
    // What stands after a plus sign chooses a folder of the same mailbox.
    counted: (address) => address.toLowerCase().replace(/\+[^@]*@/, '@'),
    send: async ({ id, to, content, ...q }) => {
      try {
        await send({ id: `notice-${id}`, to, ...renderLetter(content, q), stopAt: q.stopAt })
        return 'sent'
      } catch (thrown) {
        const isFinal =
          thrown instanceof Fault &&
          (thrown.code === 'mail_address_refused' || thrown.code === 'mail_refused')
        if (isFinal) return 'refused'
        throw thrown
      }
    },
  }
}

function webhook(post: PostSigned): Channel {
  return {
    name: 'webhook',
    hasSecret: true,
    addressIn: (text) => {
      const url = text.length > MOST_URL ? null : URL.parse(text)
      const isPlain =
        url?.protocol === 'https:' && url.username === '' && url.password === '' && url.hash === ''
      return isPlain ? url.href : undefined
    },
    masked: (address) => `${new URL(address).origin}/…`,
    // Other paths of one host are the same receiver's.
    counted: (address) => new URL(address).origin,
    send: async ({ id, to, content, portal, stopAt, secret, now }) => {
      const { kind, ...data } = content
      const body = {
        ...{ type: `notice.${kind}`, timestamp: new Date(now).toISOString() },
        data: { ...data, portal, stopAt },
      }
      const answer = await post({ url: to, id: `notice-${id}`, body: JSON.stringify(body), secret, now })
      return answer === 'gone' ? 'refused' : 'sent'
    },
  }
}
