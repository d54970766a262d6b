/** Rules for e-mail: which addresses are accepted, and how a text is filled in; pure. */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { type Fields, isAddress } from '../../members/contacts/mail-address.ts'
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

const MAX_FIELD = 1000
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
  return pattern.replace(/\{([A-Za-z]+)\}/g, (_, field: string) =>
    Object.hasOwn(fields, field) ? oneLine(fields[field]!) : '-',
  )
}

/** Makes a field a single line: replaces control, format and separator characters. */
function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
    .slice(0, MAX_FIELD)
    .trim()
}
