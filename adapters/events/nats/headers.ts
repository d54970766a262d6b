/**
 * Headers of NATS messages and those of the HTTP binding, which differ in one name (NATS binding of
 * CloudEvents, 3.1.3.1).
 */
import { headers as createHeaders, type MsgHdrs } from '@nats-io/transport-node'
import type { HeaderList } from '#core/transport/header-list.ts'
import type { Outgoing } from '../broker.ts'

const CONTENT_TYPE = 'content-type'
const DATA_CONTENT_TYPE = 'ce-datacontenttype'
const STRUCTURED = /^application\/cloudevents/i
/** Headers with which a publisher tells JetStream what to do; passed on they would tell it once more. */
const OF_JETSTREAM = /^nats-/i

type ReadHeaders = { headers: HeaderList; properties: Map<string, string> }

export function readNatsHeaders(found: MsgHdrs | undefined): ReadHeaders {
  const all = [...(found ?? [])].flatMap(([name, values]) =>
    values.map((value): [string, string] => [name.toLowerCase(), value]),
  )
  const properties = new Map<string, string>()
  for (const [name, value] of all) if (!properties.has(name)) properties.set(name, value)
  const isStructured = STRUCTURED.test(properties.get(CONTENT_TYPE) ?? '')
  const headers = all.flatMap(([name, value]): HeaderList => {
    if (name === CONTENT_TYPE)
      return isStructured || !properties.has(DATA_CONTENT_TYPE) ? [[name, value]] : []
    if (!name.startsWith('ce-') || isStructured) return []
    return [[name === DATA_CONTENT_TYPE ? CONTENT_TYPE : name, value]]
  })
  return { headers, properties }
}

/** Throws for a name or value that NATS does not allow. */
export function writeNatsHeaders({ headers, properties }: Pick<Outgoing, 'headers' | 'properties'>): MsgHdrs {
  const written = createHeaders()
  for (const [name, value] of properties) if (!OF_JETSTREAM.test(name)) written.append(name, value)
  for (const [name, value] of headers) {
    const isData = name.toLowerCase() === CONTENT_TYPE && !STRUCTURED.test(value)
    written.append(isData ? DATA_CONTENT_TYPE : name, value)
  }
  return written
}
