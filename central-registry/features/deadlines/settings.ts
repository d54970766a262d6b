/** The settings of letters that are sent before something ends. Without them no letter is sent. */
import { isAddress } from '#core/mail/mail-address.ts'
import { Fault } from '#schemas/fault.ts'

export type DeadlineSettings = { to: string[] }

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
      description:
        "Addresses of the administrators, who are told of what is the registry's, and where none of the members concerned has an address",
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
