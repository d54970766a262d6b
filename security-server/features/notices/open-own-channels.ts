/**
 * Channels of the operator's own. What brings a message on (to a phone, an app, a mailbox of the state) is a
 * program beside the server, in whatever language: it gets one signed POST for each message, and never comes
 * near the keys of this process.
 */
import { BlockList } from 'node:net'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { isSafe } from '#platform/sessions/settings.ts'
import { Fault } from '#schemas/fault.ts'
import type { OwnListener } from '../../local-systems/check-address.ts'
import type { Channel } from './channels.ts'
import { createPostSigned, type PostSigned } from './client.ts'
import { renderLetter } from './render-letter.ts'
import type { OwnChannel } from './settings.ts'

const TAKEN = ['email', 'webhook']
const SECRET = /^(?:whsec_)?([A-Za-z0-9+/]{32,200}={0,2})$/
/** An expression of the operator is tried on what people type. */
const MOST_ADDRESS = 100

/** Throws `invalid_configuration`. */
export function openOwnChannels(
  settings: readonly OwnChannel[],
  own: readonly OwnListener[],
): Promise<Channel[]> {
  const post = createPostSigned({ networks: everywhere(), own })
  return Promise.all(
    settings.map(async (one, at) => {
      const isTaken = TAKEN.includes(one.name) || settings.findIndex(({ name }) => name === one.name) !== at
      if (isTaken) throw wrong(one, 'is the name of another channel')
      if (!isSafe(one.url)) throw wrong(one, 'needs a url with https, or http to a loopback address')
      const [, secret] = SECRET.exec(await readSecret(one.secretFile)) ?? []
      if (secret === undefined)
        throw wrong(
          one,
          'has no secret in its file: base64 of 24 octets or more, as of openssl rand -base64 32',
        )
      return channelOf(one, { post, secret, form: formOf(one) })
    }),
  )
}

function channelOf(
  { name, url, titles }: OwnChannel,
  { post, secret, form }: { post: PostSigned; secret: string; form: RegExp },
): Channel {
  return {
    ...{ name, titles, hasSecret: false },
    addressIn: (text) => (text.length <= MOST_ADDRESS && form.test(text) ? text : undefined),
    masked: (address) => `${address.slice(0, 2)}…${address.slice(-2)}`,
    counted: (address) => address.toLowerCase(),
    send: async ({ id, to, content, language, portal, stopAt, now }) => {
      const letter = renderLetter(content, { language, portal, stopAt })
      const body = JSON.stringify({
        ...{ type: `notice.${content.kind}`, timestamp: new Date(now).toISOString() },
        data: { to, language, ...letter, portal, stopAt },
      })
      const answer = await post({ url, id: `notice-${id}`, body, secret, now })
      return answer === 'gone' ? 'refused' : 'sent'
    },
  }
}

function formOf(one: OwnChannel): RegExp {
  try {
    return new RegExp(`^(?:${one.address})$`, 'u')
  } catch {
    throw wrong(one, 'has an address that is no regular expression')
  }
}

/** The operator names the address, and it is mostly inside. */
function everywhere(): BlockList {
  const list = new BlockList()
  list.addSubnet('0.0.0.0', 0, 'ipv4')
  list.addSubnet('::', 0, 'ipv6')
  return list
}

function wrong({ name }: OwnChannel, what: string): Fault {
  return new Fault('invalid_configuration', { what: `notices.channels: ${name} ${what}` })
}
