/**
 * A message that is no CloudEvent becomes one, as the settings say. Guarantees that the same message makes
 * the same event.
 */
import { eventOf, invalidEvent } from '#core/events/check-event.ts'
import { type AttributeValue, type CloudEvent, SPEC_VERSION } from '#core/events/cloud-event.ts'
import { headerValue } from '#core/transport/header-list.ts'
import type { Taken } from './broker.ts'
import type { SendSettings, ValueSource } from './settings.ts'

type Plain = Pick<SendSettings, 'attributes' | 'contentType'>

/** Throws `invalid_event` for a message that has not what the settings name. */
export function plainEvent(message: Taken, { attributes = {}, contentType }: Plain): CloudEvent {
  const values = new Map<string, AttributeValue>([['specversion', SPEC_VERSION]])
  let parsed: { document: unknown } | undefined
  const document = (): unknown => {
    parsed ??= { document: parse(message.body) }
    return parsed.document
  }
  for (const [name, source] of Object.entries(attributes))
    values.set(name, attributeFrom(name, source, message, document))
  const type = headerValue(message.headers, 'content-type') ?? contentType
  if (type !== undefined) values.set('datacontenttype', type)
  return eventOf(values, message.body.length === 0 ? {} : { data: message.body })
}

function attributeFrom(
  name: string,
  source: ValueSource,
  message: Taken,
  document: () => unknown,
): AttributeValue {
  if (source.text !== undefined) return source.text
  if (source.header !== undefined) {
    const value = message.properties.get(source.header.toLowerCase())
    if (value === undefined) throw invalidEvent(`${name}: the message has no header ${source.header}`)
    return value
  }
  if (source.pointer !== undefined) {
    const value = at(document(), source.pointer)
    if (typeof value === 'string' || typeof value === 'boolean') return value
    // Another number would be read as one near to it, and two messages could become one event.
    if (typeof value === 'number' && Number.isSafeInteger(value)) return name === 'id' ? String(value) : value
    throw invalidEvent(`${name}: nothing usable stands at ${source.pointer || 'the root'} of the message`)
  }
  if (source.of === 'subject') return message.subject
  if (source.of === 'key') {
    if (message.key === undefined) throw invalidEvent(`${name}: the message has no key`)
    return message.key
  }
  if (message.position === undefined) throw invalidEvent(`${name}: the message has no position`)
  return message.position
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown
  } catch {
    throw invalidEvent('the message is not JSON in UTF-8')
  }
}

/** The value at a JSON Pointer (RFC 6901); undefined where there is none. */
function at(document: unknown, pointer: string): unknown {
  let value = document
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}
