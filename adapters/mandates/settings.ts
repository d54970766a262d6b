/**
 * The settings of the register of mandates: how people are identified, what roles there are, and whose word
 * gives them.
 */
import { checkKitSettings, type KitSettings, kitProperties } from '#adapters/kit/settings.ts'
import type { Problem } from '#platform/configuration/read-configuration.ts'
import type { RoleDefinition } from '#schemas/mandates.ts'

export type MandatesSettings = KitSettings & {
  database: string
  identifiers: { naturalPerson: string; legalPerson: string }
  roles: RoleDefinition[]
  registrars: { client: string; roles: string[] }[]
  intermediaries: string[]
}

const ROLE = '^[A-Za-z0-9_.-]{1,100}:[^\\p{C}]{1,199}$'
const roles = (description: string): object => ({
  ...{ type: 'array', maxItems: 50, uniqueItems: true, items: { type: 'string', pattern: ROLE } },
  description,
})
const types = {
  type: 'array',
  uniqueItems: true,
  items: { enum: ['NATURAL_PERSON', 'LEGAL_PERSON'] },
} as const
const translation = {
  type: 'object',
  additionalProperties: false,
  required: ['et'],
  properties: Object.fromEntries(
    ['et', 'en', 'ru'].map((language) => [language, { type: 'string', minLength: 1, maxLength: 500 }]),
  ),
} as const
const client = {
  type: 'string',
  pattern: '^[^/\\s\\p{C}]{1,255}(/[^/\\s\\p{C}]{1,255}){3}$',
  description: 'A subsystem, INSTANCE/CLASS/CODE/SUBSYSTEM',
} as const
const form = (description: string): object => ({ type: 'string', minLength: 1, maxLength: 300, description })

export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['listen', 'service', 'database', 'identifiers', 'roles'],
  properties: {
    ...kitProperties,
    database: {
      type: 'string',
      description: 'sqlite:/path or postgres://: people, mandates, and who did what',
    },
    identifiers: {
      type: 'object',
      additionalProperties: false,
      required: ['naturalPerson', 'legalPerson'],
      properties: {
        naturalPerson: form('A regular expression of the whole identifier of a person'),
        legalPerson: form('The same for organisations; no identifier may fit both'),
      },
    },
    roles: {
      type: 'array',
      minItems: 1,
      maxItems: 500,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['code', 'title', 'delegateType', 'representeeType'],
        properties: {
          code: { type: 'string', pattern: ROLE, description: 'Namespace, a colon, its name there' },
          title: translation,
          description: translation,
          delegateType: { ...types, description: 'Who may hold it' },
          representeeType: { ...types, description: 'Who may give it' },
          addableBy: { ...roles('Who acts for the giver by one of these may give it'), default: [] },
          addableOnlyIfRepresenteeHasRoleIn: roles('The giver has to hold one of these besides'),
          addingMustBeSigned: { type: 'boolean', default: false },
          canSubDelegate: { type: 'boolean', default: false },
          subDelegateType: { ...types, default: ['NATURAL_PERSON'] },
          subDelegableBy: roles(
            'Who acts for the holder by one of these may pass it on; addableBy when absent',
          ),
          waivableBy: roles('The same for giving it up; addableBy when absent'),
          waivingMustBeSigned: { type: 'boolean', default: false },
          withdrawableBy: roles(
            'The same for who acts for the giver and takes it back; addableBy when absent',
          ),
          withdrawalMustBeSigned: { type: 'boolean', default: false },
          hidden: {
            type: 'boolean',
            default: false,
            description: 'Given by registrars alone, and not shown to people',
          },
          mostMinutes: { type: 'integer', minimum: 1, maximum: 525600 },
        },
      },
    },
    registrars: {
      type: 'array',
      maxItems: 100,
      default: [],
      description: 'Who keeps the facts behind roles: they give and end these without anybody who holds them',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['client', 'roles'],
        properties: {
          client,
          roles: {
            type: 'array',
            minItems: 1,
            maxItems: 100,
            items: { type: 'string', pattern: `${ROLE}|^[A-Za-z0-9_.-]{1,100}:\\*$` },
          },
        },
      },
    },
    intermediaries: {
      type: 'array',
      maxItems: 20,
      default: [],
      items: client,
      description: 'Clients that have themselves checked who signed and by which role, as Pääsuke has',
    },
  },
} as const

/** Throws what `problem` makes for settings that make no sense. */
export function checkSettings(settings: MandatesSettings, problem: Problem): void {
  checkKitSettings(settings, problem)
  for (const name of ['naturalPerson', 'legalPerson'] as const)
    if (!isExpression(settings.identifiers[name]))
      throw problem(['identifiers', name], 'is not a regular expression')
  settings.roles.forEach(({ code }, at) => {
    if (settings.roles.findIndex((one) => one.code === code) !== at)
      throw problem(['roles', `${at}`, 'code'], 'stands there twice')
  })
}

function isExpression(text: string): boolean {
  try {
    return new RegExp(text, 'u') !== undefined
  } catch {
    return false
  }
}
