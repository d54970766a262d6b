/**
 * The part MONITORING of a configuration (X-Road's monitoring-conf.xsd): who may ask every security server of
 * the instance for its monitoring data. X-Road's central server publishes what an administrator uploaded, so
 * it may name nobody.
 */
import { Fault } from '#schemas/fault.ts'
import type { ClientId } from '#schemas/identifiers.ts'
import { clientIdLines, readClientId } from './xml-identifier.ts'
import { sequenceOf } from './xml-reader.ts'
import { parseXml } from './xml-tree.ts'
import { branch, document, XROAD_NAMESPACE } from './xml-write.ts'

const CODE = 'malformed_global_conf'
/** It has one identifier, and is read on the event loop. */
const MAX_BYTES = 64 * 1024

/** Parses and checks the document; undefined when it names nobody. Throws `malformed_global_conf`. */
export async function parseMonitoringParameters(xml: Buffer): Promise<ClientId | undefined> {
  if (xml.length > MAX_BYTES) throw new Fault(CODE, { what: 'the monitoring parameters are too large' })
  const root = await parseXml(xml, CODE)
  if (root.name !== 'conf' || root.namespace !== XROAD_NAMESPACE)
    throw new Fault(CODE, { what: 'the root element is not X-Road conf' })
  const conf = sequenceOf(root, CODE)
  const holder = sequenceOf(conf.one('monitoringClient'), CODE)
  conf.end()
  const client = holder.maybe('monitoringClientId')
  holder.end()
  return client === undefined ? undefined : readClientId(client, CODE)
}

/** The document that names this client. */
export function writeMonitoringParameters(client: ClientId): Buffer {
  return document('conf', branch('monitoringClient', clientIdLines('monitoringClientId', client)))
}
