/** Rules for e-mail: which addresses are accepted, and how a text is filled in; pure. */

import { readFileSync } from 'node:fs'
import { Fault } from '#schemas/fault.ts'
import { type Fields, isAddress } from '../../members/contacts/mail-address.ts'

/** All texts, with the names of the fields to fill in. Other languages would be other files. */
const TEXTS = JSON.parse(readFileSync(new URL('texts/en.json', import.meta.url), 'utf8')) as Record<
  string,
  string
>

const MAX_FIELD = 1000
const MAX_SUBJECT = 200

/** Throws `invalid_input`. Its text does not name the address, because that is personal data. */
export function checkAddresses(addresses: string[]): string[] {
  if (!addresses.every(isAddress) || new Set(addresses).size !== addresses.length)
    throw new Fault('invalid_input', { what: 'plain e-mail addresses are needed, each once' })
  return addresses
}

/** Subject and body of a message. Throws Error when the catalogue has no such text. */
export function render(text: string, fields: Fields): { subject: string; text: string } {
  const body = `${filled(`${text}.body`, fields)}\n\n-- \n${filled('signature', fields)}\n`
  return { subject: filled(`${text}.subject`, fields).slice(0, MAX_SUBJECT), text: body }
}

export function hasText(text: string): boolean {
  return Object.hasOwn(TEXTS, `${text}.subject`)
}

function filled(name: string, fields: Fields): string {
  const pattern = Object.hasOwn(TEXTS, name) ? TEXTS[name] : undefined
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
