/** The settings of letters that are sent before something ends. Without them no letter is sent. */
import { isAddress } from '#core/mail/mail-address.ts'
import { Fault } from '#schemas/fault.ts'

export const LETTER_LANGUAGES = ['en', 'es', 'et', 'fi', 'uk'] as const
export type LetterLanguage = (typeof LETTER_LANGUAGES)[number]

export type DeadlineSettings = {
  to: string[]
  language: LetterLanguage
  console?: string
  backupDays: number
}

export const deadlinesSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['to'],
  description: 'Who is written to 60, 30, 14, 7 and 1 days before something ends; needs mail',
  properties: {
    to: {
      type: 'array',
      minItems: 1,
      maxItems: 20,
      uniqueItems: true,
      items: { type: 'string', maxLength: 254 },
      description: 'The addresses of those who keep keys, contracts and backups',
    },
    language: { type: 'string', enum: LETTER_LANGUAGES, default: 'en', description: 'Of the letters' },
    console: {
      type: 'string',
      pattern: '^https?://[^\\s?#]{1,400}$',
      description: 'The address of the console in the letters; without it login.baseUrl',
    },
    backupDays: {
      type: 'integer',
      // Backups are made and read back once a day: with two, each day would be the last but one.
      minimum: 3,
      maximum: 365,
      default: 3,
      description: 'After how many days a backup is too old, and one has to be read back again',
    },
  },
} as const

/** Throws `invalid_configuration` for what is no address, and without a mail server. */
export function checkDeadlines(deadlines: DeadlineSettings | undefined, hasMail: boolean): void {
  if (deadlines === undefined) return
  if (!deadlines.to.every(isAddress))
    throw new Fault('invalid_configuration', { what: 'deadlines.to has plain e-mail addresses' })
  if (!hasMail)
    throw new Fault('invalid_configuration', { what: 'deadlines needs mail: letters leave by it' })
}
