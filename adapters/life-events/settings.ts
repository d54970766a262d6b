/**
 * The settings of life events: the rules by which an event of another agency becomes an offer to a person,
 * and what the offer does.
 */
import { inboxSchema, type OwnServerSettings, ownServerSchema } from '#adapters/kit/messages/own-server.ts'
import { type KitSettings, kitProperties } from '#adapters/kit/settings.ts'
import type { FieldKind, Texts } from '#schemas/offers.ts'

/** Events of one type, of those who are believed. */
export type EventSettings = {
  type: string
  /** The subsystems whose events of this type are believed. */
  publishers: string[]
  /** CESQL over the attributes of the event. */
  condition?: string
}

/** What the event that begins a rule, and the one that takes it back, say in common. */
export type HappeningSettings = EventSettings & {
  /** A pointer into the event: what happened, by a name that stands in its correction too. */
  happening: string
}

export type CallSettings = {
  name: string
  agency: Texts
  service: string
  method: 'GET' | 'POST'
  /** With {person} and the names of `values`. */
  path: string
  query: Record<string, string>
  /** JSON of a POST: a text that is {name} is replaced. */
  body?: Record<string, string>
  purpose: Texts
  contract?: string
  legalBasis: string
  needsAgreement: boolean
  /** By field of the form a pointer into the answer. */
  fields: Record<string, string>
}

export type FieldSettings = {
  name: string
  label: Texts
  kind: FieldKind
  isRequired: boolean
  pattern?: string
  least?: number
  most?: number
  correctAt?: Texts
}

type LetterSettings = {
  /** After so many days without an answer a letter is written. */
  afterDays: number
  call: Pick<CallSettings, 'service' | 'method' | 'path' | 'query' | 'body' | 'legalBasis' | 'contract'>
  /** Pointers into the answer, several of a line with spaces between; lines that are empty are left out. */
  lines: string[]
  language: string
  text: Texts
  counter: Texts
  /** Where it can be answered without a login; absent where it cannot. */
  page?: Texts
}

export type RuleSettings = {
  name: string
  event: HappeningSettings
  /** A pointer into the event: a code, or a list of them. */
  person: string
  /** Pointers into the event by the name that calls use. */
  values: Record<string, string>
  takenBackBy?: HappeningSettings & { text: Texts }
  days: number
  title: Texts
  text: Texts
  why: Texts
  legalBasis: string
  calls: CallSettings[]
  fields: FieldSettings[]
  submitTo: { service: string; path: string; number: string; legalBasis: string; contract?: string }
  decidedBy?: EventSettings & { offer: string; outcome: string; outcomes: Record<string, Texts> }
  letter?: LetterSettings
}

export type LifeEventsSettings = KitSettings & {
  databaseFile: string
  keyFile: string
  securityServer: OwnServerSettings
  inboxes: string[]
  languages: string[]
  person: { pattern: string }
  /**
   * Clients that may say for whom somebody acts: whose contract to `offers` has the mandate checked. Each
   * other client acts for nobody.
   */
  representation: string[]
  counters: string[]
  letterPages: string[]
  keepDays: number
  pollMs: number
  answerMs: number
  rules: RuleSettings[]
}

const name = { type: 'string', pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$' } as const
const PLAIN = '^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f]+$'
const words = { type: 'string', minLength: 1, maxLength: 300, pattern: PLAIN } as const
const texts = {
  type: 'object',
  minProperties: 1,
  maxProperties: 20,
  propertyNames: { pattern: '^[a-z]{2,3}$' },
  additionalProperties: { type: 'string', minLength: 1, maxLength: 2000, pattern: PLAIN },
} as const
const pointer = { type: 'string', minLength: 1, maxLength: 500, pattern: '^(/([^~/]|~[01])*)+$' } as const
const pointers = (most: number): object => ({
  ...{ type: 'object', maxProperties: most, propertyNames: { pattern: name.pattern } },
  ...{ additionalProperties: pointer, default: {} },
})
const subsystem = { type: 'string', maxLength: 1000, pattern: '^[^/\\s]+(/[^/\\s]+){3}$' } as const
const path = {
  type: 'string',
  maxLength: 500,
  pattern: '^(/([A-Za-z0-9._~-]+|\\{[A-Za-z][A-Za-z0-9_-]*\\}))+$',
}
const templates = {
  ...{ type: 'object', maxProperties: 30, propertyNames: { minLength: 1, maxLength: 100 } },
  additionalProperties: { type: 'string', maxLength: 500, pattern: '^[^\\u0000-\\u001f\\u007f]*$' },
} as const

const event = {
  type: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
  publishers: { type: 'array', minItems: 1, maxItems: 50, items: subsystem },
  condition: { type: 'string', minLength: 1, maxLength: 4096 },
} as const

const request = {
  service: inboxSchema,
  method: { enum: ['GET', 'POST'], default: 'GET' },
  path,
  query: { ...templates, default: {} },
  body: templates,
  contract: words,
  legalBasis: words,
} as const

const call = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'agency', 'service', 'path', 'purpose', 'legalBasis', 'fields'],
  properties: {
    ...request,
    name,
    agency: texts,
    purpose: texts,
    needsAgreement: { type: 'boolean', default: true },
    fields: { ...pointers(60), minProperties: 1 },
  },
} as const

const field = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'label'],
  properties: {
    name,
    label: texts,
    kind: { enum: ['text', 'number', 'date', 'yes-no'], default: 'text' },
    isRequired: { type: 'boolean', default: true },
    pattern: { type: 'string', minLength: 1, maxLength: 300 },
    least: { type: 'number' },
    most: { type: 'number' },
    correctAt: texts,
  },
} as const

const letter = {
  type: 'object',
  additionalProperties: false,
  required: ['call', 'lines', 'language', 'text', 'counter'],
  properties: {
    afterDays: { type: 'integer', minimum: 0, maximum: 365, default: 14 },
    call: {
      type: 'object',
      additionalProperties: false,
      required: ['service', 'path', 'legalBasis'],
      properties: request,
    },
    lines: {
      ...{ type: 'array', minItems: 1, maxItems: 10 },
      items: { type: 'string', maxLength: 500, pattern: '^/[^\\s]+( /[^\\s]+)*$' },
    },
    language: { type: 'string', pattern: '^[a-z]{2,3}$' },
    text: texts,
    counter: texts,
    page: { ...texts, description: 'With it the letter can be answered at a page without a login' },
  },
} as const

const happening = { ...event, happening: pointer } as const

const rule = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'event', 'person', 'title', 'text', 'why', 'legalBasis', 'calls', 'fields', 'submitTo'],
  properties: {
    name,
    event: {
      type: 'object',
      additionalProperties: false,
      required: ['type', 'publishers', 'happening'],
      properties: happening,
    },
    person: pointer,
    values: pointers(20),
    takenBackBy: {
      type: 'object',
      additionalProperties: false,
      required: ['type', 'publishers', 'happening', 'text'],
      properties: { ...happening, text: texts },
    },
    days: { type: 'integer', minimum: 1, maximum: 3660, default: 180 },
    title: texts,
    text: texts,
    why: texts,
    legalBasis: words,
    calls: { type: 'array', maxItems: 20, items: call },
    fields: { type: 'array', minItems: 1, maxItems: 60, items: field },
    submitTo: {
      type: 'object',
      additionalProperties: false,
      required: ['service', 'path', 'number', 'legalBasis'],
      properties: { service: inboxSchema, path, number: pointer, contract: words, legalBasis: words },
    },
    decidedBy: {
      type: 'object',
      additionalProperties: false,
      required: ['type', 'publishers', 'offer', 'outcome', 'outcomes'],
      properties: {
        ...event,
        offer: pointer,
        outcome: pointer,
        outcomes: { type: 'object', minProperties: 1, maxProperties: 30, additionalProperties: texts },
      },
    },
    letter,
  },
} as const

/** JSON Schema 2020-12 of the settings file; docs/configuration.md explains each setting. */
export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: [
    'listen',
    'service',
    'databaseFile',
    'keyFile',
    'securityServer',
    'inboxes',
    'languages',
    'rules',
  ],
  properties: {
    ...kitProperties,
    databaseFile: {
      type: 'string',
      'x-path': true,
      description: 'Where offers are kept; its folder has to be there',
    },
    keyFile: {
      type: 'string',
      'x-path': true,
      description: 'A secret of 64 hexadecimal digits, which seals them',
    },
    securityServer: ownServerSchema,
    inboxes: { type: 'array', minItems: 1, maxItems: 50, uniqueItems: true, items: inboxSchema },
    languages: {
      ...{ type: 'array', minItems: 1, maxItems: 20, uniqueItems: true },
      items: { type: 'string', pattern: '^[a-z]{2,3}$' },
    },
    person: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: { pattern: { type: 'string', maxLength: 200, default: '^([A-Za-z0-9+._-]{1,64})$' } },
    },
    representation: { type: 'array', maxItems: 100, uniqueItems: true, items: subsystem, default: [] },
    counters: { type: 'array', maxItems: 100, uniqueItems: true, items: subsystem, default: [] },
    letterPages: {
      ...{ type: 'array', maxItems: 100, uniqueItems: true, items: subsystem, default: [] },
      description: 'Portals where people give in the code of a letter without a login',
    },
    keepDays: { type: 'integer', minimum: 1, maximum: 3660, default: 90 },
    pollMs: { type: 'integer', minimum: 50, maximum: 600_000, default: 1000 },
    answerMs: { type: 'integer', minimum: 50, maximum: 120_000, default: 8000 },
    rules: { type: 'array', minItems: 1, maxItems: 50, items: rule },
  },
} as const
