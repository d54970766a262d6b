/** What holds for e-mail: which addresses, and how a text is filled in; pure. */

import { readFileSync } from 'node:fs'
import { Fault } from '#schemas/fault.ts'
import { type Fields, isAddress } from '../../members/contacts/mail-address.ts'

/** Every text, with the names of what is filled in. Other languages are other files. */
const TEXTS = JSON.parse(readFileSync(new URL('texts/en.json', import.meta.url), 'utf8')) as Record<
  string,
  string
>

const MAX_FIELD = 1000
const MAX_SUBJECT = 200

/** Throws `invalid_input`; says nothing of the address, which is a personal datum. */
export function checkAddresses(addresses: string[]): string[] {
  if (!addresses.every(isAddress) || new Set(addresses).size !== addresses.length)
    throw new Fault('invalid_input', { what: 'plain e-mail addresses are needed, each once' })
  return addresses
}

/** Subject and body of a message. Throws Error for a text that there is not. */
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

/** What somebody wrote stays in its line: no control, format or separating character. */
function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
    .slice(0, MAX_FIELD)
    .trim()
}
