/** NATS JetStream as a broker. The library is loaded only when the settings name it. */
import type { Log } from '#platform/logging/create-log.ts'
import type { Broker } from '../broker.ts'
import type { Credentials } from '../credentials.ts'
import type { EventsSettings } from '../settings.ts'
import { openLink } from './link.ts'
import { createPublish } from './publish.ts'
import { takeFromNats } from './take.ts'

export function openNats(q: {
  settings: Pick<EventsSettings, 'broker' | 'limits'>
  credentials: Credentials
  log: Log
  onReset(way: string): void
}): Broker {
  const { settings, log } = q
  const link = openLink(settings.broker, q.credentials, log)
  return {
    take: async (way, deliver) =>
      takeFromNats({ ...settings, way, link, log, deliver, onReset: () => q.onReset(way.name) }),
    publish: createPublish({
      ...{ link, confirmMs: settings.broker.confirmMs, log },
      onReset: () => q.onReset('published'),
    }),
    finding: link.finding,
    close: link.close,
  }
}
