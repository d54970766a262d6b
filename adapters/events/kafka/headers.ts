/**
 * Headers of Kafka records and those of the HTTP binding (Kafka binding of CloudEvents 1.0.2, 3): values
 * stand as they are, in UTF-8.
 */
import { isUtf8 } from 'node:buffer'
import { decodeHeaderValue, encodeHeaderValue } from '#core/events/header-value.ts'
import type { HeaderList } from '#core/transport/header-list.ts'
import { Fault } from '#schemas/fault.ts'
import type { Outgoing } from '../broker.ts'
import type { KafkaRecord } from './records.ts'

const PREFIX = 'ce_'
const HTTP_PREFIX = 'ce-'
const CONTENT_TYPE = 'content-type'
const MOST_BYTES = 131_072

type ReadHeaders = { headers: HeaderList; properties: Map<string, string>; fault?: Fault }

export function readKafkaHeaders({
  headers: found,
  isCrowded,
}: Pick<KafkaRecord, 'headers' | 'isCrowded'>): ReadHeaders {
  if (isCrowded === true) return unreadable('it has more headers than are read')
  const bytes = found.reduce((sum, [name, value]) => sum + name.length + (value?.length ?? 0), 0)
  if (bytes > MOST_BYTES) return unreadable(`its headers have more than ${MOST_BYTES} octets`)
  const headers: HeaderList = []
  const properties = new Map<string, string>()
  for (const [name, value] of found) {
    const [lower, text] = [name.toString().toLowerCase(), value?.toString() ?? '']
    const isOfEvent = lower === CONTENT_TYPE || lower.startsWith(PREFIX)
    if (isOfEvent && value !== undefined && !isUtf8(value)) return unreadable('a header is not UTF-8')
    if (!properties.has(lower)) properties.set(lower, text)
    if (lower === CONTENT_TYPE) headers.push([CONTENT_TYPE, text])
    else if (isOfEvent) headers.push([HTTP_PREFIX + lower.slice(PREFIX.length), encodeHeaderValue(text)])
  }
  return { headers, properties }
}

function unreadable(what: string): ReadHeaders {
  return { headers: [], properties: new Map(), fault: new Fault('invalid_event', { what }) }
}

/** Throws `source_refused` for a value that is no text. */
export function writeKafkaHeaders({
  headers,
  properties,
}: Pick<Outgoing, 'headers' | 'properties'>): [Buffer, Buffer][] {
  const all = headers.map(([name, value]): readonly [string, string] => {
    const lower = name.toLowerCase()
    if (!lower.startsWith(HTTP_PREFIX)) return [lower, value]
    const text = decodeHeaderValue(value)
    if (text === undefined)
      throw new Fault('source_refused', { what: 'a header is not percent-encoded UTF-8' })
    return [PREFIX + lower.slice(HTTP_PREFIX.length), text]
  })
  return [...all, ...properties].map(([name, value]) => [Buffer.from(name), Buffer.from(value)])
}
