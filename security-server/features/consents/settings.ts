/** The part of the settings about the consents of people. */

/** A kind of credential, and where in it the person's code stands. */
export type WalletCredential = {
  format: 'dc+sd-jwt' | 'mso_mdoc'
  types: string[]
  code: string[]
  /** It proves who agrees beside one that identifies them alone. */
  attestsOnly?: boolean
}

export type ConsentSettings = {
  portalUrl?: string
  previewUrl?: string
  keepDays: number
  perSecond: number
  credentials: WalletCredential[]
}

const name = { type: 'string', minLength: 1, maxLength: 255 } as const

export const consentSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'How consents of people are kept, and where people are asked for them',
  properties: {
    portalUrl: {
      type: 'string',
      pattern: '^https?://[^\\s?#]{1,500}$',
      description:
        "The address of the portal to which a request for consent leads; the provider's subsystem and the secret of the request come behind it",
    },
    previewUrl: {
      type: 'string',
      pattern: '^https?://[^\\s?#]{1,500}$',
      description:
        "The address of the portal at which a person sees an answer before a consumer gets it; the provider's subsystem and the secret of the preview come behind it",
    },
    keepDays: {
      type: 'integer',
      minimum: 1,
      maximum: 36600,
      default: 3650,
      description: 'For how many days a consent is kept after its end',
    },
    perSecond: {
      type: 'number',
      minimum: 1,
      default: 20,
      description: 'How many questions a second a client may ask',
    },
    credentials: {
      type: 'array',
      maxItems: 16,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['format', 'types', 'code'],
        properties: {
          format: { type: 'string', enum: ['dc+sd-jwt', 'mso_mdoc'] },
          types: { type: 'array', minItems: 1, maxItems: 16, items: name },
          code: { type: 'array', minItems: 1, maxItems: 8, items: name },
          attestsOnly: { type: 'boolean' },
        },
      },
      default: [
        { format: 'dc+sd-jwt', types: ['urn:eudi:pid:1'], code: ['personal_administrative_number'] },
        {
          ...{ format: 'mso_mdoc', types: ['eu.europa.ec.eudi.pid.1'] },
          code: ['eu.europa.ec.eudi.pid.1', 'personal_administrative_number'],
        },
      ],
      description:
        "Which credentials of a wallet have a person's code, and where; one with attestsOnly identifies nobody, and counts beside one that does",
    },
  },
}
