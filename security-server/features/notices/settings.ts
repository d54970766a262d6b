/** The settings of notices: people are told when their data is used. Without them nobody is told. */
import { BlockList } from 'node:net'
import { Fault } from '#schemas/fault.ts'
import { NOTICE_LANGUAGES, type NoticeLanguage } from '#schemas/notices.ts'

export type NoticeSettings = {
  portal: string
  perDay: number
  webhooks: boolean
  webhookNetworks: string[]
  channels: OwnChannel[]
}

/** A channel of the operator's own: a program that is given messages to bring on. */
export type OwnChannel = {
  name: string
  url: string
  secretFile: string
  address: string
  titles: Partial<Record<NoticeLanguage, string>>
}

const TITLE = { type: 'string', pattern: '^[^\\p{C}]{1,60}$' }
const NETWORK = '^[0-9A-Fa-f:.]{2,45}/[0-9]{1,3}$'

export const noticesSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['portal'],
  description: 'How people are told that their data was used; without it nobody is',
  properties: {
    portal: {
      type: 'string',
      pattern: '^https?://[^\\s?#]{1,400}$',
      description: 'The address of the portal, where people look and stop messages',
    },
    perDay: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      default: 10,
      description: 'Messages to one person a day; what comes after waits for the next',
    },
    webhooks: {
      type: 'boolean',
      default: false,
      description: 'Whether people may name an https address to be told at',
    },
    webhookNetworks: {
      type: 'array',
      maxItems: 50,
      default: [],
      description: 'Networks inside in which webhooks may be, such as 10.2.0.0/16',
      items: { type: 'string', pattern: NETWORK },
    },
    channels: {
      type: 'array',
      maxItems: 10,
      default: [],
      description:
        'Channels of your own: programs that bring messages to a phone, an app or a mailbox of the state',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'url', 'secretFile', 'address', 'titles'],
        properties: {
          name: { type: 'string', pattern: '^[a-z][a-z0-9-]{1,19}$' },
          url: { type: 'string', minLength: 1, maxLength: 500 },
          secretFile: { type: 'string', 'x-path': true },
          address: { type: 'string', minLength: 1, maxLength: 200 },
          titles: {
            type: 'object',
            additionalProperties: false,
            minProperties: 1,
            properties: Object.fromEntries(NOTICE_LANGUAGES.map((one) => [one, TITLE])),
          },
        },
      },
    },
  },
}

/** Throws `invalid_configuration` for a network that is none. */
export function networksOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address, bits] = network.split('/') as [string, string]
    try {
      list.addSubnet(address, Number(bits), address.includes(':') ? 'ipv6' : 'ipv4')
    } catch (cause) {
      throw new Fault('invalid_configuration', {
        what: `notices.webhookNetworks has ${network}, which is no network`,
        cause,
      })
    }
  }
  return list
}
