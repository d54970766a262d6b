/**
 * Properties of MQTT 5.0 messages and headers of the HTTP binding (MQTT binding of CloudEvents, 3.1): names
 * and values stand as they are.
 */
import type { IPublishPacket, UserProperties } from 'mqtt-packet'
import { isAttributeName } from '#core/events/check-event.ts'
import { decodeHeaderValue, encodeHeaderValue } from '#core/events/header-value.ts'
import type { HeaderList } from '#core/transport/header-list.ts'
import { Fault } from '#schemas/fault.ts'
import type { Outgoing } from '../broker.ts'

const PREFIX = 'ce-'
const CONTENT_TYPE = 'content-type'
/** Its value stands as the content type of the message. */
const OF_DATA = 'datacontenttype'

export function readProperties({ properties }: Pick<IPublishPacket, 'properties'>): {
  headers: HeaderList
  properties: Map<string, string>
} {
  const all = Object.entries(properties?.userProperties ?? {}).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, value]),
  )
  const found = new Map<string, string>()
  for (const [name, value] of all) if (!found.has(name.toLowerCase())) found.set(name.toLowerCase(), value)
  const headers: HeaderList = all
    .filter(([name]) => isAttributeName(name) && name !== OF_DATA)
    .map(([name, value]) => [PREFIX + name, encodeHeaderValue(value)])
  const contentType = properties?.contentType ?? found.get(OF_DATA)
  if (contentType !== undefined) headers.push([CONTENT_TYPE, contentType])
  return { headers, properties: found }
}

/** Throws `source_refused` for a value that MQTT cannot hold. */
export function writeProperties({ headers, properties }: Pick<Outgoing, 'headers' | 'properties'>): {
  contentType?: string
  userProperties: UserProperties
} {
  const userProperties: Record<string, string[]> = {}
  let contentType: string | undefined
  const add = (name: string, value: string | undefined): void => {
    if (value === undefined || Buffer.byteLength(value) > 0xffff || value.includes('\0'))
      throw new Fault('source_refused', { what: 'a header of the message cannot stand in MQTT' })
    userProperties[name] = [...(userProperties[name] ?? []), value]
  }
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    if (lower === CONTENT_TYPE) contentType = value
    else if (lower.startsWith(PREFIX)) add(lower.slice(PREFIX.length), decodeHeaderValue(value))
  }
  for (const [name, value] of properties) add(name, value)
  return { ...(contentType !== undefined && { contentType }), userProperties }
}
