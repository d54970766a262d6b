/** The settings of passkeys: the key that seals what browsers keep, and for how long a passkey serves. */
import { isIP } from 'node:net'
import type { Problem } from '#platform/configuration/read-configuration.ts'

export type PasskeySettings = { keyFile: string; days: number }

export const passkeySchema = {
  type: 'object',
  additionalProperties: false,
  required: ['keyFile'],
  description: 'People may look again with a passkey; without it they sign in each time',
  properties: {
    keyFile: {
      type: 'string',
      'x-path': true,
      description: 'A secret of 64 hexadecimal digits, which seals what browsers of people keep',
    },
    days: {
      ...{ type: 'integer', minimum: 1, maximum: 90, default: 30 },
      description: 'For how many days after a login a passkey serves',
    },
  },
} as const

/** Throws what `problem` makes where no browser would make a passkey. */
export function checkPasskeys(baseUrl: string, problem: Problem): void {
  if (isIP(new URL(baseUrl).hostname.replace(/^\[|\]$/g, '')) !== 0)
    throw problem(
      ['passkeys'],
      'needs a login.baseUrl with a host name: browsers keep none for an IP address',
    )
}
