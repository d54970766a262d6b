/** Rules for e-mail: which addresses are accepted, and how a text is filled in; pure. */

import { fillText } from '#core/mail/fill-text.ts'
import { textFor, writtenNumber, writtenTime } from '#core/mail/in-language.ts'
import { type Fields, isAddress } from '#core/mail/mail-address.ts'
import type { MailServer } from '#platform/mail/client.ts'
import type { ContractState } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import type { SuspendedKind } from '#schemas/global-configuration.ts'
import type { RequestKind } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import en from './texts/en.json' with { type: 'json' }
import es from './texts/es.json' with { type: 'json' }
import et from './texts/et.json' with { type: 'json' }
import fi from './texts/fi.json' with { type: 'json' }
import uk from './texts/uk.json' with { type: 'json' }

/** The words of kinds and states: of each that a letter can have. */
type Words =
  | `request.kind.${RequestKind}`
  | `suspension.kind.${Exclude<SuspendedKind, 'contract'>}`
  | `contract.state.${Lowercase<Exclude<ContractState, 'PROPOSED' | 'ACTIVE' | 'SUSPENDED'>>}`
type Texts = Record<string, string> & Record<Words, string>

/**
 * All texts of a language, with the names of the fields to fill in. Each language has the same ones, as a
 * test demands.
 */
const TEXTS: Record<MailLanguage, Texts> = { en, es, et, fi, uk }

/** Fields that are kept as times in ISO form. */
const TIMES = ['at', 'ends', 'until', 'validUntil']

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

/**
 * Subject and body of a message. Its fields are kept as codes and times, and said in the words of the
 * language. Throws Error when the catalogue has no such text.
 */
export function render(
  text: string,
  fields: Fields,
  language: MailLanguage,
): { subject: string; text: string } {
  const said = inWords(text, fields, language)
  const fill = (name: string): string =>
    fillText(patternOf(name, Number(fields['days'] ?? 0), language), said)
  const body = `${fill(`${text}.body`)}\n\n-- \n${fill('signature')}\n`
  return { subject: fill(`${text}.subject`).slice(0, MAX_SUBJECT), text: body }
}

export function hasText(text: string): boolean {
  return [`${text}.subject`, `${text}.subject_other`].some((name) => Object.hasOwn(en, name))
}

function inWords(text: string, fields: Fields, language: MailLanguage): Fields {
  const [about = ''] = text.split('.', 1)
  const said = Object.entries(fields).map(([name, value]) => {
    if (TIMES.includes(name)) return [name, writtenTime(value, language)]
    if (name === 'kind') return [name, wordOf(`${about}.kind.${value}`, language) ?? value]
    if (name === 'event') return [name, wordOf(`${about}.state.${value}`, language) ?? value]
    if (name === 'days')
      return ['count', /^\d+$/.test(value) ? writtenNumber(Number(value), language) : value]
    return [name, value]
  })
  return Object.fromEntries(said) as Fields
}

function patternOf(name: string, count: number, language: MailLanguage): string {
  return wordOf(name, language) ?? textFor(TEXTS[language], name, { count, language })
}

function wordOf(name: string, language: MailLanguage): string | undefined {
  return Object.hasOwn(TEXTS[language], name) ? TEXTS[language][name] : undefined
}
