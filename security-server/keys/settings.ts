/** The part of the settings about tokens beside the software token. */
import { hardwareTokenProperties } from '#platform/pkcs11/settings.ts'
import { type TransitTokenSettings, transitTokenSchema } from '#platform/transit/settings.ts'
import { Fault } from '#schemas/fault.ts'

export type HardwareTokenSettings = {
  id: number
  socket: string
  label: string
  serialNumber?: string
  pinFile?: string
}

export type TokenSettings = {
  hardwareTokens: HardwareTokenSettings[]
  /** Transit engines of OpenBao or Vault with signing keys. */
  transitTokens: TransitTokenSettings[]
}

export const tokenProperties = {
  hardwareTokens: {
    type: 'array',
    maxItems: 16,
    default: [],
    description: 'PKCS #11 tokens for signing keys, beside the software token',
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['id', 'socket', 'label'],
      properties: {
        ...hardwareTokenProperties,
        id: {
          type: 'integer',
          minimum: 1,
          maximum: 9999,
          description: 'Its number in the management API; the records of its keys lie under it',
        },
        pinFile: {
          type: 'string',
          'x-path': true,
          description: 'Its PIN, mode 0600; without it somebody logs in by hand after each start',
        },
      },
    },
  },
  transitTokens: {
    type: 'array',
    maxItems: 16,
    default: [],
    description: 'Transit engines of OpenBao or Vault for signing keys, beside the software token',
    items: transitTokenSchema,
  },
} as const

/** Throws `invalid_configuration` for two tokens of one number. */
export function checkTokens({ hardwareTokens, transitTokens }: TokenSettings): void {
  for (const { label, url } of transitTokens)
    if (!URL.canParse(url))
      throw new Fault('invalid_configuration', { what: `transitTokens: the url of ${label} is no address` })
  const ids = [...hardwareTokens, ...transitTokens].map(({ id }) => id)
  if (new Set(ids).size < ids.length)
    throw new Fault('invalid_configuration', {
      what: 'hardwareTokens, transitTokens: each needs an id of its own',
    })
}
