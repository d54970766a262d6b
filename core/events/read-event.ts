/** Reads CloudEvents 1.0.2 from HTTP messages: binary, structured as JSON, and batches of JSON. */

import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { parseContentType } from '#core/transport/content-type.ts'
import type { HeaderList } from '#core/transport/header-list.ts'
import { eventOf, invalidEvent } from './check-event.ts'
import type { AttributeValue, CloudEvent } from './cloud-event.ts'
import { formOf } from './data-form.ts'
import { decodeHeaderValue } from './header-value.ts'
import { itemsOf, jsonText, membersOf } from './json-parts.ts'

/** The media types of the JSON format: of one event, and of a list of events. */
export const STRUCTURED = 'application/cloudevents+json'
export const BATCH = 'application/cloudevents-batch+json'

const CLOUD_EVENTS = 'application/cloudevents'
const PREFIX = 'ce-'
const MAX_JSON_BYTES = 4_194_304
const MAX_EVENTS = 1_000
/** More than the attributes and the data of an event: a document of nothing else would take seconds. */
const MAX_MEMBERS = 300
const INTEGER = /^-?(?:0|[1-9][0-9]*)$/

type EventLimits = {
  /**
   * Of a JSON document; 4 MiB where nothing is said. The body of binary mode is not looked at, so it has no
   * limit here.
   */
  maxJsonBytes?: number
  /** For an event that a version before has taken: in its data an object may have a name twice. */
  mayDouble?: boolean
  /** Of a batch; 1,000 where nothing is said. */
  maxEvents?: number
}

/**
 * The one event of a message in binary or structured mode. `data` of binary mode is the given body, uncopied;
 * an empty body is no data. Throws `invalid_event`, or `malformed_json` for a document that is not JSON or
 * doubles a member, at whatever depth.
 */
export function readEvent(headers: HeaderList, body: Buffer, limits: EventLimits = {}): CloudEvent {
  const contentType = onlyValue(headers, 'content-type')
  const type = contentType === undefined ? '' : mediaType(contentType)
  if (type === STRUCTURED) return readStructured(textOf(body, limits))
  if (type.startsWith(CLOUD_EVENTS)) throw invalidEvent(`one event is needed, as ${STRUCTURED} or in headers`)
  return readBinary(headers, contentType, body)
}

/**
 * The events of a message in any mode; a batch may be empty. One event that is not valid refuses the batch.
 */
export function readEvents(headers: HeaderList, body: Buffer, limits: EventLimits = {}): CloudEvent[] {
  const contentType = onlyValue(headers, 'content-type')
  if (contentType === undefined || mediaType(contentType) !== BATCH) return [readEvent(headers, body, limits)]
  const text = textOf(body, limits)
  const items = itemsOf(text, limits.maxEvents ?? MAX_EVENTS)
  if (items === undefined) throw invalidEvent('a batch is not a list')
  return items.map(readStructured)
}

function textOf(body: Buffer, { maxJsonBytes = MAX_JSON_BYTES, mayDouble }: EventLimits): string {
  return jsonText(body, { maxBytes: maxJsonBytes, mayDouble })
}

function readBinary(headers: HeaderList, contentType: string | undefined, body: Buffer): CloudEvent {
  const attributes = new Map<string, AttributeValue>()
  for (const [header, value] of headers) {
    const lower = header.toLowerCase()
    if (!lower.startsWith(PREFIX)) continue
    const name = lower.slice(PREFIX.length)
    if (attributes.has(name)) throw invalidEvent('a header is doubled')
    // HTTP protocol binding, 3.1.1: the content type has one place.
    if (name === 'datacontenttype')
      throw invalidEvent('ce-datacontenttype may not be sent, Content-Type says it')
    const text = decodeHeaderValue(value)
    if (text === undefined) throw invalidEvent('a header is not percent-encoded UTF-8')
    attributes.set(name, text)
  }
  if (contentType !== undefined) attributes.set('datacontenttype', contentType)
  return eventOf(attributes, body.length === 0 ? {} : { data: body })
}

function readStructured(text: string): CloudEvent {
  const members = membersOf(text, MAX_MEMBERS)
  if (members === undefined) throw invalidEvent('it is not a JSON object')
  const attributes = new Map<string, AttributeValue>()
  for (const [name, part] of members) {
    if (name === 'data' || name === 'data_base64') continue
    const value = attributeValue(part)
    // Null is the same as absent (JSON format, 2.2), but for `data`.
    if (value !== null) attributes.set(name, value)
  }
  return eventOf(attributes, dataOf(members, attributes.get('datacontenttype')))
}

function attributeValue(part: string): AttributeValue | null {
  if (part === 'null') return null
  if (part === 'true' || part === 'false') return part === 'true'
  if (part.startsWith('"')) return stringOf(part)
  if (!INTEGER.test(part)) throw invalidEvent('an attribute is not a text, an integer or a boolean')
  // "-0" is 0.
  return Number(part) + 0
}

function dataOf(
  members: ReadonlyMap<string, string>,
  type: AttributeValue | undefined,
): Pick<CloudEvent, 'data' | 'isJsonImplied'> {
  const plain = members.get('data')
  const encoded = members.get('data_base64')
  if (encoded !== undefined && encoded !== 'null') {
    if (plain !== undefined) throw invalidEvent('data and data_base64 exclude each other')
    return { data: fromBase64(encoded) }
  }
  if (plain === undefined) return {}
  if (type === undefined) return { data: Buffer.from(plain), isJsonImplied: true }
  const form = formOf(String(type))
  if (form === 'json') return { data: Buffer.from(plain) }
  if (form === 'bytes' || !plain.startsWith('"'))
    throw invalidEvent('data of this datacontenttype is given as a text in UTF-8, or as data_base64')
  return { data: Buffer.from(stringOf(plain)) }
}

function fromBase64(part: string): Buffer {
  const text = part.startsWith('"') ? stringOf(part) : undefined
  const bytes = Buffer.from(text ?? '', 'base64')
  if (bytes.toString('base64') !== text) throw invalidEvent('data_base64 is not base64')
  return bytes
}

/** Refuses lone surrogates, which have no bytes in UTF-8. */
function stringOf(part: string): string {
  return parseStrictJson(part, { maxLength: part.length }) as string
}

function mediaType(contentType: string): string {
  try {
    return parseContentType(contentType).type
  } catch {
    throw invalidEvent('Content-Type is not a media type')
  }
}

function onlyValue(headers: HeaderList, lower: string): string | undefined {
  const found = headers.filter(([name]) => name.toLowerCase() === lower)
  if (found.length > 1) throw invalidEvent(`${lower} is doubled`)
  return found[0]?.[1]
}
