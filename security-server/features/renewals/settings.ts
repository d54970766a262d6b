/** The settings by which certificates renew themselves. */
import { readFile } from 'node:fs/promises'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { memberIdOf } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseMemberId } from '#schemas/identifiers.ts'
import type { Binding } from './acme/session.ts'

type Usage = 'SIGNING' | 'AUTHENTICATION'

export type AcmeSettings = {
  challenge?: { address: string; port: number }
  dnsHook?: string
  caFile?: string
  renewAfterShare: number
  country?: string
  accounts: {
    ca: string
    member?: string
    usage?: Usage
    kid?: string
    macKeyFile?: string
    contact?: string
  }[]
}

export const acmeSchema = {
  type: 'object',
  additionalProperties: false,
  oneOf: [{ required: ['challenge'] }, { required: ['dnsHook'] }],
  description: 'How certificates that renew themselves are ordered by ACME; without it none are',
  properties: {
    challenge: {
      type: 'object',
      additionalProperties: false,
      description: 'Where this server answers what CAs look at (HTTP-01)',
      properties: {
        address: { type: 'string', default: '0.0.0.0' },
        port: { type: 'integer', minimum: 1, maximum: 65535, default: 80 },
      },
    },
    dnsHook: {
      type: 'string',
      'x-path': true,
      description: 'A program that sets and removes a TXT record (DNS-01), instead of challenge',
    },
    caFile: {
      type: 'string',
      'x-path': true,
      description: "PEM of the CAs of ACME servers' own certificates; without it those of Node",
    },
    renewAfterShare: {
      type: 'number',
      minimum: 0.1,
      maximum: 0.95,
      default: 0.67,
      description: 'After which share of its life a certificate is renewed, where its CA does not say when',
    },
    country: {
      type: 'string',
      pattern: '^[A-Z]{2}$',
      description: 'The country in new certificates, where neither profile nor instance says it',
    },
    accounts: {
      type: 'array',
      maxItems: 200,
      default: [],
      description: 'What the CAs gave for accounts there; the first that fits an order is used',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['ca'],
        dependentRequired: { kid: ['macKeyFile'], macKeyFile: ['kid'] },
        properties: {
          ca: { type: 'string', minLength: 1, maxLength: 255, description: 'The name of the approved CA' },
          member: {
            type: 'string',
            description: 'For this member: INSTANCE/CLASS/CODE; without it for the owner',
          },
          usage: { type: 'string', enum: ['SIGNING', 'AUTHENTICATION'], description: 'For these alone' },
          kid: { type: 'string', minLength: 1, maxLength: 255, description: 'The key id of the binding' },
          macKeyFile: { type: 'string', 'x-path': true, description: 'Its MAC key in base64url, mode 0600' },
          contact: { type: 'string', maxLength: 254, description: 'The address to which the CA writes' },
        },
      },
    },
  },
} as const

type Account = { name: string; binding: Binding | undefined; contact: string | undefined }

/** The account for an order: who it is kept for, and what binds it to the CA's customer. */
export type FindAccount = (q: { ca: string; member: string; isOwner: boolean; usage: Usage }) => Account

/** Reads the files that the settings name. Throws `invalid_configuration` for a key that is none. */
export async function readAccounts(
  settings: AcmeSettings,
): Promise<{ find: FindAccount; ca: string | undefined }> {
  const accounts = await Promise.all(
    settings.accounts.map(async ({ kid, macKeyFile, member, ...one }) => ({
      ...one,
      member: member === undefined ? undefined : memberText(member),
      binding: kid === undefined ? undefined : { kid, macKey: macKeyOf(await readSecret(macKeyFile!), kid) },
    })),
  )
  return {
    ca: settings.caFile === undefined ? undefined : await readFile(settings.caFile, 'utf8'),
    find({ ca, member, isOwner, usage }) {
      const found = accounts.find(
        (one) =>
          one.ca === ca &&
          // What a CA gave to the owner is no warrant for certificates in the name of others.
          (one.member === undefined ? isOwner : one.member === member) &&
          (one.usage === undefined || one.usage === usage),
      )
      // Without a binding every member has an account of its own: nobody's orders count against another's
      // limits.
      return { name: found?.binding?.kid ?? member, binding: found?.binding, contact: found?.contact }
    },
  }
}

function memberText(text: string): string {
  try {
    return idText(text.includes('/') ? parseMemberId(text) : memberIdOf(text))
  } catch (cause) {
    throw new Fault('invalid_configuration', { what: `acme.accounts: ${text} is no member`, cause })
  }
}

function macKeyOf(text: string, kid: string): Buffer {
  const key = /^[A-Za-z0-9_+/-]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0)
  if (key.length >= 16) return key
  throw new Fault('invalid_configuration', {
    what: `acme.accounts: the MAC key of ${kid} is not base64url of 16 bytes or more`,
  })
}
