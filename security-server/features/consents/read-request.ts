/**
 * Reads the JSON that a portal, a consumer or a register sends: bounded, exactly its fields, nothing quoted
 * back.
 */
import { buffer } from 'node:stream/consumers'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { ConsentGiven, ConsentRequested, ShownText, WalletProof } from '#schemas/consents.ts'
import type { PreviewReleased } from '#schemas/previews.ts'
import type { Content } from '../../message/body.ts'
import { refused } from './who-acts.ts'

const MAX_BYTES = 64 * 1024
/** With a presentation: chains of certificates and status lists are in it. */
export const MAX_WITH_PRESENTATION = 1_048_576
const MAX_DEPTH = 64
export const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
export const SHA256 = /^[0-9a-f]{64}$/
const TOKEN = /^[A-Za-z0-9_-]{43}$/
const LANGUAGE = /^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}$/
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/
const KINDS = ['once', 'standing'] as const

type Fields = Record<string, unknown>

/** Throws `invalid_request`. */
export async function readJson(body: Content | undefined, most = MAX_BYTES): Promise<Fields> {
  if (body === undefined || body.size === 0 || body.size > most)
    throw refused(`a JSON object of at most ${most} octets is wanted`)
  const bytes = body.bytes ?? (await buffer(body.open()))
  let value: unknown
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    value = parseStrictJson(text, { maxLength: most, maxDepth: MAX_DEPTH, number: Number })
  } catch {
    throw refused('the body is no JSON, or has a name twice')
  }
  return objectIn(value, 'the body')
}

export function consentGiven(fields: Fields): ConsentGiven {
  only(fields, ['contract', 'client', 'demand', 'kind', 'validUntil', 'shown', 'token', 'proof'])
  const kind = KINDS.find((one) => one === fields['kind'])
  if (kind === undefined) throw refused(`kind is one of ${KINDS.join(', ')}`)
  const { validUntil, token, proof } = fields
  return {
    contract: textIn(fields, 'contract', UUID),
    client: plainIn(fields, 'client', 1100),
    demand: textIn(fields, 'demand', SHA256),
    kind,
    shown: shownIn(fields),
    ...(validUntil !== undefined && { validUntil: timeIn(fields, 'validUntil') }),
    ...(token !== undefined && { token: textIn(fields, 'token', TOKEN) }),
    ...(proof !== undefined && { proof: proofIn(objectIn(proof, 'proof')) }),
  }
}

function shownIn(fields: Fields): ShownText {
  const shown = objectIn(fields['shown'], 'shown')
  only(shown, ['language', 'textHash'])
  return { language: textIn(shown, 'language', LANGUAGE), textHash: textIn(shown, 'textHash', SHA256) }
}

/** Its form alone: `verify-proof.ts` judges it. */
function proofIn(fields: Fields): WalletProof {
  only(fields, ['askedAt', 'presentation'])
  return {
    askedAt: timeIn(fields, 'askedAt'),
    presentation: objectIn(fields['presentation'], 'presentation'),
  }
}

export function previewReleased(fields: Fields): PreviewReleased {
  only(fields, ['answer', 'shown'])
  return { answer: textIn(fields, 'answer', SHA256), shown: shownIn(fields) }
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

/** Throws `invalid_request` for a parameter that is there more than once. */
export function valueIn(search: URLSearchParams, name: string): string | undefined {
  const [value, ...others] = search.getAll(name)
  if (others.length > 0) throw refused(`${name} is given once`)
  return value
}

/** A text without control characters. */
export function plainIn(fields: Fields, name: string, most: number): string {
  const value = fields[name]
  if (typeof value !== 'string' || value === '' || value.length > most || /\p{C}/u.test(value))
    throw refused(`${name} is a text of at most ${most} characters`)
  return value
}

export function textIn(fields: Fields, name: string, form: RegExp): string {
  const value = fields[name]
  if (typeof value !== 'string' || value.length > 1100 || !form.test(value))
    throw refused(`${name} does not have its form`)
  return value
}

export function timeIn(fields: Fields, name: string): string {
  const time = new Date(textIn(fields, name, TIME))
  if (Number.isNaN(time.getTime()) || time.getUTCFullYear() > 9999) throw refused(`${name} is no time`)
  return time.toISOString()
}

export function objectIn(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refused(`${name} is no JSON object`)
  return value as Fields
}

export function only(fields: Fields, names: readonly string[]): void {
  if (Object.keys(fields).some((name) => !names.includes(name)))
    throw refused(`nothing is taken beside ${names.join(', ')}`)
}
