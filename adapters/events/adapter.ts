/**
 * The events adapter: takes messages of a broker and hands them over to the own security server, and publishes what the inboxes of the own
 * agency get. Whatever is away is waited for.
 */
import type { Probe } from '#adapters/kit/probe-worker.ts'
import type { OpenWorker, Worker, WorkerQuestion } from '#adapters/kit/serve-worker.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Broker } from './broker.ts'
import { checkSettings } from './check-settings.ts'
import { readCredentials } from './credentials.ts'
import { type Deliveries, openDeliveries } from './deliveries.ts'
import { createWayMetrics } from './metrics.ts'
import { openReceiveWay } from './receive-way.ts'
import { reasonOf } from './refusals.ts'
import { openSendWay } from './send-way.ts'
import { type EventsSettings, settingsSchema } from './settings.ts'
import type { Way } from './way.ts'

export const eventsAdapter: Worker<EventsSettings> = {
  name: 'events',
  schema: settingsSchema,
  prefix: 'EVENTS_ADAPTER',
  check: checkSettings,
  open: (q) => openEvents(q),
}

export type Rooms = { broker: Broker; deliveries: Deliveries }

/** `arm` is for tests, which end the process between two steps. */
export async function openEvents(
  { settings, log, metrics }: WorkerQuestion<EventsSettings>,
  arm: (rooms: Rooms) => Rooms = (rooms) => rooms,
): Promise<OpenWorker> {
  const counted = createWayMetrics(metrics)
  const { broker, deliveries } = arm({
    deliveries: await openDeliveries(settings.securityServer),
    broker: await openBroker(settings, log, (way) => counted.resets.inc({ way })),
  })
  const common = { limits: settings.limits, broker, deliveries, metrics: counted, log }
  const ways = new Map<string, Way>()
  for (const way of settings.send) ways.set(way.name, await openSendWay({ ...common, way }))
  for (const way of settings.receive) ways.set(way.name, openReceiveWay({ ...common, way }))
  return {
    health: {
      broker: () => broker.finding(),
      ...Object.fromEntries([...ways].map(([name, way]) => [name, () => way.finding()])),
    },
    async close() {
      await Promise.all([...ways.values()].map((way) => way.stop()))
      await broker.close()
      deliveries.close()
    },
  }
}

/** Whether broker and security server can be reached; no message is taken, no event fetched. */
export async function probeEvents(settings: EventsSettings, log: Log): Promise<Probe> {
  const deliveries = await openDeliveries(settings.securityServer)
  const broker = await openBroker(settings, log, () => undefined)
  return {
    findings: {
      'security server': () =>
        deliveries.reach().then(
          () => ({ ok: true }),
          (thrown: unknown) => ({ ok: false, reason: reasonOf(thrown) }),
        ),
      broker: () => broker.finding(),
    },
    async close() {
      await broker.close()
      deliveries.close()
    },
  }
}

async function openBroker(
  settings: EventsSettings,
  log: Log,
  onReset: (way: string) => void,
): Promise<Broker> {
  const q = { settings, credentials: await readCredentials(settings.broker), log, onReset }
  switch (settings.broker.kind) {
    case 'nats':
      return (await import('./nats/open-nats.ts')).openNats(q)
    case 'mqtt':
      return (await import('./mqtt/open-mqtt.ts')).openMqtt(q)
    case 'kafka':
      return (await import('./kafka/open-kafka.ts')).openKafka(q)
  }
}
