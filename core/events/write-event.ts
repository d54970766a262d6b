/**
 * Writes an event as an HTTP message, in binary mode or as a JSON document; data goes in as the bytes that it
 * is.
 */
import { isUtf8 } from 'node:buffer'
import type { HeaderList } from '#core/transport/header-list.ts'
import { eventOf, invalidEvent } from './check-event.ts'
import { attributesOf, type CloudEvent } from './cloud-event.ts'
import { formOf } from './data-form.ts'
import { encodeHeaderValue } from './header-value.ts'
import { isJsonValue } from './json-parts.ts'
import { BATCH, STRUCTURED } from './read-event.ts'

type Message = { headers: HeaderList; body: Buffer }

/**
 * The event in headers, its data as the body. Throws `invalid_event` for an event that may not be written.
 */
export function writeBinary(event: CloudEvent): Message {
  const headers: HeaderList = []
  for (const [name, value] of attributesOf(checked(event))) {
    if (name !== 'datacontenttype') headers.push([`ce-${name}`, encodeHeaderValue(String(value))])
  }
  const contentType = event.datacontenttype ?? (event.isJsonImplied ? 'application/json' : undefined)
  if (contentType !== undefined) headers.push(['content-type', contentType])
  return { headers, body: event.data ?? Buffer.alloc(0) }
}

/** The event as one JSON document. Throws `invalid_event` for an event that may not be written. */
export function writeStructured(event: CloudEvent): Message {
  return message(STRUCTURED, documentOf(event))
}

/** The events as one JSON list. Throws `invalid_event` if one of them may not be written. */
export function writeBatch(events: readonly CloudEvent[]): Message {
  return message(BATCH, `[${events.map(documentOf).join(',')}]`)
}

function message(type: string, document: string): Message {
  return { headers: [['content-type', `${type}; charset=UTF-8`]], body: Buffer.from(document) }
}

function documentOf(event: CloudEvent): string {
  const members = attributesOf(checked(event)).map(
    ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
  )
  return `{${[...members, ...dataMember(event)].join(',')}}`
}

/** JSON and texts of which no byte would change stand there as they are, everything else as base64. */
function dataMember({ data, datacontenttype, isJsonImplied }: CloudEvent): string[] {
  if (data === undefined) return []
  const form = isJsonImplied === true ? 'json' : formOf(datacontenttype ?? '')
  if (form === 'json' && isJsonValue(data)) return [`"data":${data.toString('utf8')}`]
  // Without a content type, base64 would be taken for something else than JSON.
  if (isJsonImplied === true) throw invalidEvent('data is not JSON')
  return form === 'text' && isUtf8(data)
    ? [`"data":${JSON.stringify(data.toString('utf8'))}`]
    : [`"data_base64":"${data.toString('base64')}"`]
}

function checked(event: CloudEvent): CloudEvent {
  return eventOf(new Map(attributesOf(event)), {
    ...(event.data === undefined ? {} : { data: event.data }),
    ...(event.isJsonImplied === true ? { isJsonImplied: true } : {}),
  })
}
