/** The part of the settings about trackers. */
import { type ComplaintSettings, complaintSchema } from './complaints/settings.ts'

/** Grounds in law on which a use may be withheld for a time. */
type Ground = { code: string; text: string }

export type TrackerSettings = {
  countryPrefix: string
  identifierType: string
  language: string
  perSecond: number
  grounds: Ground[]
  complaints: ComplaintSettings
}

export const trackerSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'How the trackers of subsystems answer people who used their data',
  properties: {
    countryPrefix: {
      type: 'string',
      pattern: '^([A-Z]{2})?$',
      default: '',
      description: 'The letters before personal codes in questions, which messages do not have',
    },
    identifierType: {
      type: 'string',
      pattern: '^[a-z][a-z0-9-]{0,63}$',
      default: 'personal-code',
      description: 'The type of identifier with which places of people are declared',
    },
    language: {
      type: 'string',
      pattern: '^[a-z]{2,3}$',
      default: 'en',
      description: 'The language of purposes where a question can name none',
    },
    perSecond: {
      type: 'number',
      minimum: 1,
      default: 20,
      description: 'How many questions a second a client may ask',
    },
    complaints: complaintSchema,
    grounds: {
      type: 'array',
      maxItems: 50,
      default: [],
      description: 'The grounds in law on which uses may be withheld for a time',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['code', 'text'],
        properties: {
          code: { type: 'string', pattern: '^[a-z][a-z0-9-]{0,63}$', description: 'As exceptions name it' },
          text: {
            type: 'string',
            minLength: 1,
            maxLength: 500,
            description: 'The ground, with its place in law',
          },
        },
      },
    },
  },
}
