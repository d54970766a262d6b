/**
 * An MQTT 5.0 broker: a session of its own for each way that takes messages, and one connection that
 * publishes.
 */
import type { Log } from '#platform/logging/create-log.ts'
import type { Broker } from '../broker.ts'
import type { Credentials } from '../credentials.ts'
import type { EventsSettings } from '../settings.ts'
import { openPublisher } from './publish.ts'
import { takeFromMqtt } from './take.ts'

export function openMqtt(q: {
  settings: Pick<EventsSettings, 'broker' | 'limits'>
  credentials: Credentials
  log: Log
  onReset(way: string): void
}): Broker {
  const { settings, credentials, log } = q
  const publisher = openPublisher({ broker: settings.broker, credentials, log })
  return {
    ...publisher,
    take: async (way, deliver) =>
      takeFromMqtt({ ...settings, way, credentials, log, deliver, onReset: () => q.onReset(way.name) }),
  }
}
