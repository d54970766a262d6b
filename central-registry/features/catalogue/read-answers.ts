/**
 * Reads the answers of a provider's metadata services; pure. Strangers write them, so sizes are limited, and
 * only the displayed fields are read. Control characters and direction marks are replaced. A description that
 * cannot be read says nothing, and lets nobody ask.
 */
import { parse } from 'yaml'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'
import { checkCode } from '#schemas/identifiers.ts'

export type Endpoint = { method: string; path: string }
/** WSDL: a SOAP service, which has no endpoints. */
export type OfferedService = {
  serviceCode: string
  serviceVersion?: string
  type: 'REST' | 'OPENAPI' | 'WSDL'
  endpoints: Endpoint[]
}
export type Contact = { name?: string; email?: string; url?: string }
/**
 * Who may ask for access according to the provider's description: everybody when it does not say, nobody when
 * it cannot be read.
 */
export type Access = 'everybody' | 'nobody' | { memberClasses: string[]; globalGroups: string[] }
export type Description = {
  title: string
  description: string
  version: string
  contact: Contact
  access: Access
}

export const MAX_METHODS_BYTES = 1024 * 1024
export const MAX_DOCUMENT_BYTES = 1024 * 1024
export const MOST_SERVICES = 500
const MOST_ENDPOINTS = 500
const MAX_DEPTH = 64
const MOST_ALIASES = 100
export const NONE: Description = { title: '', description: '', version: '', contact: {}, access: 'everybody' }
/** Of a document that is there: it may say that nobody may ask. */
export const UNREADABLE: Description = { ...NONE, access: 'nobody' }

/** The REST services in an answer of listMethods. Throws `invalid_input` for any other answer. */
export function readMethods(bytes: Buffer): OfferedService[] {
  const answer = parseStrictJson(bytes, { maxLength: MAX_METHODS_BYTES, maxDepth: 8 })
  const listed = objectOf(answer)?.['service']
  if (!Array.isArray(listed) || listed.length > MOST_SERVICES)
    throw new Fault('invalid_input', { what: `listMethods: a list of at most ${MOST_SERVICES} is needed` })
  const services = listed.flatMap((one: unknown): OfferedService[] => {
    const { service_code, service_type, endpoint_list } = objectOf(one) ?? {}
    if (typeof service_code !== 'string' || (service_type !== 'REST' && service_type !== 'OPENAPI')) return []
    const endpoints = Array.isArray(endpoint_list) ? endpoint_list.slice(0, MOST_ENDPOINTS) : []
    return [
      { serviceCode: checkCode(service_code), type: service_type, endpoints: endpoints.flatMap(endpointOf) },
    ]
  })
  // A service that is listed twice counts once.
  return [...new Map(services.map((one) => [one.serviceCode, one])).values()]
}

/**
 * The description of a service from its OpenAPI document, without fields that cannot be read. Never throws.
 * Some documents keep the YAML library busy for hours, so call it only in the thread of read-description.ts.
 */
export function describe(document: Buffer): Description {
  const info = objectOf(objectOf(parsed(document))?.['info'])
  if (info === undefined) return UNREADABLE
  const contact = objectOf(info['contact']) ?? {}
  const shown = (name: string, most: number) => {
    const text = textOf(contact[name], most)
    return text === '' ? {} : { [name]: text }
  }
  return {
    title: textOf(info['title'], 255),
    description: textOf(info['description'], 4000, true),
    version: textOf(info['version'], 100),
    contact: { ...shown('name', 255), ...shown('email', 255), ...shown('url', 500) },
    access: accessOf(info['x-access-requests']),
  }
}

function parsed(document: Buffer): unknown {
  if (document.length > MAX_DOCUMENT_BYTES) return undefined
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(document)
    if (text.trimStart().startsWith('{'))
      return parseStrictJson(document, { maxLength: MAX_DOCUMENT_BYTES, maxDepth: MAX_DEPTH })
    return parse(text, { maxAliasCount: MOST_ALIASES, logLevel: 'silent' })
  } catch {
    // Only the provider can correct this; its document is stored unchanged.
    return undefined
  }
}

/** A value that we do not understand allows nobody. */
function accessOf(value: unknown): Access {
  if (value === undefined || value === 'everybody') return 'everybody'
  const { memberClasses = [], globalGroups = [], ...more } = objectOf(value) ?? { more: value }
  const isList = (one: unknown): one is string[] =>
    Array.isArray(one) &&
    one.length <= 100 &&
    one.every((code) => typeof code === 'string' && code.length < 256)
  if (Object.keys(more).length > 0 || !isList(memberClasses) || !isList(globalGroups)) return 'nobody'
  return { memberClasses, globalGroups }
}

function endpointOf(value: unknown): Endpoint[] {
  const { method, path } = objectOf(value) ?? {}
  if (typeof method !== 'string' || typeof path !== 'string') return []
  const one = { method: textOf(method, 10), path: textOf(path, 500) }
  return one.method === method && one.path === path && path !== '' ? [one] : []
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

/**
 * A text that is safe to display, at most `most` characters long; line feeds are allowed only with `lines`.
 */
export function textOf(value: unknown, most: number, lines = false): string {
  if (typeof value !== 'string') return ''
  const unfit = lines
    ? /(?!\n)\p{C}|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu
    : /[\p{C}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu
  return value.slice(0, most).toWellFormed().replace(unfit, ' ').trim()
}
