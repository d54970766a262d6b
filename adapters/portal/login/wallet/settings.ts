/**
 * The settings of the login with a wallet: as whom the portal asks, whom it believes, and where a credential
 * has the person's code.
 */
import type { Problem } from '#platform/configuration/read-configuration.ts'

export type WalletSettings = {
  certificateFile: string
  keyFile: string
  trustedIssuersFile?: string
  credentials: {
    format: 'dc+sd-jwt' | 'mso_mdoc'
    types: string[]
    issuers: string[]
    code: string[]
    /** It signs nobody in, and proves no consent alone. */
    attestsOnly?: boolean
  }[]
  walletUrl: string
  maxStatusAgeHours: number
}

const text = { type: 'string', minLength: 1, maxLength: 255 } as const

export const walletSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['certificateFile', 'keyFile', 'credentials'],
  description: 'People may sign in with a wallet too; without it at the provider alone',
  properties: {
    certificateFile: {
      type: 'string',
      'x-path': true,
      description: 'The certificate as which the portal asks wallets, PEM, its chain without the root',
    },
    keyFile: { type: 'string', 'x-path': true, description: 'Its P-256 key, PEM, mode 0600' },
    trustedIssuersFile: {
      type: 'string',
      'x-path': true,
      description:
        'Whose credentials count, JSON, read again when it has changed; those of the registry without it',
    },
    credentials: {
      type: 'array',
      minItems: 1,
      maxItems: 16,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['format', 'types', 'issuers', 'code'],
        properties: {
          format: { type: 'string', enum: ['dc+sd-jwt', 'mso_mdoc'] },
          types: { type: 'array', minItems: 1, maxItems: 16, items: text },
          issuers: { type: 'array', minItems: 1, maxItems: 16, items: text },
          code: { type: 'array', minItems: 1, maxItems: 8, items: text },
          attestsOnly: { type: 'boolean' },
        },
      },
      description:
        "Which credentials, issued by whom, have the person's code, and where; besides it they are asked for what a contract wants attested with a consent, and for nothing else; one with attestsOnly identifies nobody: it is asked for beside one that does",
    },
    walletUrl: {
      type: 'string',
      maxLength: 300,
      pattern: '^[a-z][a-z0-9+.-]*://[^?#\\s]*$',
      default: 'haip-vp://',
      description: 'How wallets are called',
    },
    maxStatusAgeHours: {
      ...{ type: 'integer', minimum: 1, maximum: 168, default: 24 },
      description: 'How old the status list of a credential may be',
    },
  },
} as const

/** Throws what `problem` makes for what no wallet could answer. */
export function checkWallets({ credentials, walletUrl }: WalletSettings, problem: Problem): void {
  for (const [at, { format, types, code }] of credentials.entries()) {
    const place = ['wallets', 'credentials', String(at)]
    if (format === 'mso_mdoc' && (types.length !== 1 || code.length !== 2))
      throw problem(place, 'of format mso_mdoc has one type, and its code is a name space and an element')
  }
  if (credentials.every(({ attestsOnly }) => attestsOnly === true))
    throw problem(['wallets', 'credentials'], 'has none that identifies a person, without attestsOnly')
  // A page of the portal links there.
  if (/^(javascript|data|blob|vbscript|file|about):/.test(walletUrl))
    throw problem(['wallets', 'walletUrl'], 'is not the address of a wallet')
}
