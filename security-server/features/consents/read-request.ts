/** Reads the JSON that a portal, a consumer or a register sends: bounded, exactly its fields, nothing quoted back. */
import { buffer } from 'node:stream/consumers'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { ConsentGiven, ConsentRequested } from '#schemas/consents.ts'
import type { Content } from '../../message/body.ts'
import { refused } from './who-acts.ts'

const MAX_BYTES = 64 * 1024
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const SHA256 = /^[0-9a-f]{64}$/
const TOKEN = /^[A-Za-z0-9_-]{43}$/
const LANGUAGE = /^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}$/
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/
const KINDS = ['once', 'standing'] as const

type Fields = Record<string, unknown>

/** Throws `invalid_request`. */
export async function readJson(body: Content | undefined): Promise<Fields> {
  if (body === undefined || body.size === 0 || body.size > MAX_BYTES)
    throw refused(`a JSON object of at most ${MAX_BYTES} octets is wanted`)
  const bytes = body.bytes ?? (await buffer(body.open()))
  let value: unknown
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    value = parseStrictJson(text, { maxLength: MAX_BYTES, maxDepth: 32, number: Number })
  } catch {
    throw refused('the body is no JSON, or has a name twice')
  }
  return objectIn(value, 'the body')
}

export function consentGiven(fields: Fields): ConsentGiven {
  only(fields, ['contract', 'client', 'demand', 'kind', 'validUntil', 'shown', 'token', 'presentation'])
  const shown = objectIn(fields['shown'], 'shown')
  only(shown, ['language', 'textHash'])
  const kind = KINDS.find((one) => one === fields['kind'])
  if (kind === undefined) throw refused(`kind is one of ${KINDS.join(', ')}`)
  const { validUntil, token, presentation } = fields
  return {
    contract: textIn(fields, 'contract', UUID),
    client: plainIn(fields, 'client', 1100),
    demand: textIn(fields, 'demand', SHA256),
    kind,
    shown: { language: textIn(shown, 'language', LANGUAGE), textHash: textIn(shown, 'textHash', SHA256) },
    ...(validUntil !== undefined && { validUntil: timeIn(fields, 'validUntil') }),
    ...(token !== undefined && { token: textIn(fields, 'token', TOKEN) }),
    ...(presentation !== undefined && { presentation: objectIn(presentation, 'presentation') }),
  }
}

export function consentRequested(fields: Fields): ConsentRequested {
  only(fields, ['contract', 'userCode', 'returnUrl'])
  return {
    contract: textIn(fields, 'contract', UUID),
    userCode: plainIn(fields, 'userCode', 128),
    returnUrl: returnUrlIn(plainIn(fields, 'returnUrl', 1000)),
  }
}

/** People are led there: a page of the consumer, and no script or file. Throws `invalid_request`. */
export function returnUrlIn(text: string): string {
  const url = URL.canParse(text) && !/[\s\p{C}]/u.test(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '')
    throw refused('the address to return to begins with https:// and names no user')
  return text
}

export function isUuid(text: string): boolean {
  return UUID.test(text)
}

export function isToken(text: string): boolean {
  return TOKEN.test(text)
}

/** A text without control characters. */
export function plainIn(fields: Fields, name: string, most: number): string {
  const value = fields[name]
  if (typeof value !== 'string' || value === '' || value.length > most || /\p{C}/u.test(value))
    throw refused(`${name} is a text of at most ${most} characters`)
  return value
}

function textIn(fields: Fields, name: string, form: RegExp): string {
  const value = fields[name]
  if (typeof value !== 'string' || value.length > 1100 || !form.test(value))
    throw refused(`${name} does not have its form`)
  return value
}

function timeIn(fields: Fields, name: string): string {
  const time = new Date(textIn(fields, name, TIME))
  if (Number.isNaN(time.getTime()) || time.getUTCFullYear() > 9999) throw refused(`${name} is no time`)
  return time.toISOString()
}

function objectIn(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refused(`${name} is no JSON object`)
  return value as Fields
}

function only(fields: Fields, names: readonly string[]): void {
  if (Object.keys(fields).some((name) => !names.includes(name)))
    throw refused(`nothing is taken beside ${names.join(', ')}`)
}
