/** Rules for e-mail: which addresses are accepted, and how a text is filled in; pure. */

import { fillText } from '#core/mail/fill-text.ts'
import { type Fields, isAddress } from '#core/mail/mail-address.ts'
import type { MailServer } from '#platform/mail/client.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import en from './texts/en.json' with { type: 'json' }
import es from './texts/es.json' with { type: 'json' }
import et from './texts/et.json' with { type: 'json' }
import fi from './texts/fi.json' with { type: 'json' }
import uk from './texts/uk.json' with { type: 'json' }

/** All texts of a language, with the names of the fields to fill in. Each language has the same ones, as a test demands. */
const TEXTS: Record<string, Record<string, string>> = { en, es, et, fi, uk }

/** The languages in which members can be written to, by their tags (BCP 47). */
export const MAIL_LANGUAGES = ['en', 'es', 'et', 'fi', 'uk'] as const

export type MailLanguage = (typeof MAIL_LANGUAGES)[number]

/** `language`: of the letters; English when it is absent. */
export type RegistryMail = MailServer & { language?: MailLanguage | undefined }

const MAX_SUBJECT = 200

/** Throws `invalid_input`. Its text does not name the address, because that is personal data. */
export function checkAddresses(addresses: string[]): string[] {
  if (!addresses.every(isAddress) || new Set(addresses).size !== addresses.length)
    throw new Fault('invalid_input', { what: say`plain e-mail addresses are needed, each once` })
  return addresses
}

/** Subject and body of a message. Throws Error when the catalogue has no such text. */
export function render(
  text: string,
  fields: Fields,
  language: MailLanguage,
): { subject: string; text: string } {
  const fill = (name: string): string => filled(TEXTS[language]!, name, fields)
  const body = `${fill(`${text}.body`)}\n\n-- \n${fill('signature')}\n`
  return { subject: fill(`${text}.subject`).slice(0, MAX_SUBJECT), text: body }
}

export function hasText(text: string): boolean {
  return Object.hasOwn(en, `${text}.subject`)
}

function filled(texts: Record<string, string>, name: string, fields: Fields): string {
  const pattern = Object.hasOwn(texts, name) ? texts[name] : undefined
  if (pattern === undefined) throw new Error(`there is no text ${name}`)
  return fillText(pattern, fields)
}
