/**
 * Events of CloudEvents 1.0 in their JSON form. Guarantees that what is handed over has a name (`source` and
 * `id`) and only attributes that an event can have; the security server checks the rest.
 */
import { Buffer } from 'node:buffer'
import { ExchangeError } from './exchange-error.ts'

/** An event as it was sent. Extensions stand beside the attributes of the specification. */
export type CloudEvent = {
  id: string
  source: string
  type: string
  subject?: string
  time?: string
  datacontenttype?: string
  dataschema?: string
  /** Events of one sender to one inbox with the same key arrive in their order. */
  partitionkey?: string
  /** RFC 3339: after it the event is given up. */
  expirytime?: string
  data?: unknown
  /** Data that are no JSON and no text. */
  data_base64?: string
  [extension: string]: unknown
}

/**
 * An event to send. `data` of bytes travels as `data_base64`. Keep it until it is accepted: to repeat it
 * means the very same.
 */
export type EventToSend = CloudEvent

const NAME = /^[a-z0-9]{1,20}$/
const NAMED = ['id', 'source', 'type'] as const

/** The bytes of an event; those that are given are taken as its JSON form. Throws `invalid_argument`. */
export function writeEvent(event: EventToSend | Uint8Array): Uint8Array {
  if (event instanceof Uint8Array) return event
  for (const name of NAMED)
    if (typeof event[name] !== 'string' || event[name] === '') throw refused(`the event has no ${name}`)
  const { data, data_base64: base64, specversion: version = '1.0', ...attributes } = event
  if (version !== '1.0') throw refused('specversion is 1.0')
  if (data !== undefined && base64 !== undefined) throw refused('data and data_base64 exclude each other')
  for (const [name, value] of Object.entries(attributes)) {
    if (!NAME.test(name)) throw refused(`${JSON.stringify(name)} is no name of an attribute`)
    const isValue = typeof value === 'string' || typeof value === 'boolean' || Number.isInteger(value)
    if (!isValue && value !== undefined) throw refused(`${name} is no text, boolean or whole number`)
  }
  const content =
    data instanceof Uint8Array
      ? { data_base64: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64') }
      : { data, data_base64: base64 }
  try {
    return new TextEncoder().encode(JSON.stringify({ specversion: '1.0', ...attributes, ...content }))
  } catch (cause) {
    throw refused('the data cannot be written as JSON', cause)
  }
}

/** Undefined for what is no event. */
export function asEvent(value: unknown): CloudEvent | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const event = value as Record<string, unknown>
  return NAMED.every((name) => typeof event[name] === 'string') ? (event as CloudEvent) : undefined
}

function refused(what: string, cause?: unknown): ExchangeError {
  return new ExchangeError('invalid_argument', { what, cause })
}
