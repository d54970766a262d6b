/**
 * A Kafka cluster as a broker: a member of a consumer group for each way that takes messages, and one that
 * publishes.
 */
import type { Log } from '#platform/logging/create-log.ts'
import type { Broker } from '../broker.ts'
import type { Credentials } from '../credentials.ts'
import type { EventsSettings } from '../settings.ts'
import { openCluster } from './cluster.ts'
import { createPublish } from './publish.ts'
import { takeFromKafka } from './take.ts'

export function openKafka(q: {
  settings: Pick<EventsSettings, 'broker' | 'limits'>
  credentials: Credentials
  log: Log
  onReset(way: string): void
}): Broker {
  const { settings, log } = q
  const { broker } = settings
  const cluster = openCluster({ broker, credentials: q.credentials, log })
  return {
    take: async (way, deliver) =>
      takeFromKafka({ ...settings, way, cluster, log, deliver, onReset: () => q.onReset(way.name) }),
    publish: createPublish({ cluster, broker, log, onReset: () => q.onReset('published') }),
    finding: cluster.finding,
    close: cluster.close,
  }
}
