/** The part of the settings about the consents of people. */

export type ConsentSettings = { portalUrl?: string; keepDays: number; perSecond: number }

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
  },
}
