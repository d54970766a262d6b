/**
 * The events adapter: takes messages of a broker and hands them over to the own security server, and
 * publishes what the inboxes of the own agency get. Whatever is away is waited for.
 */
import type { Probe } from '#adapters/kit/probe-worker.ts'
import type { OpenWorker, Worker, WorkerQuestion } from '#adapters/kit/serve-worker.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { startInTurn } from '#platform/process/start-in-turn.ts'
import type { Broker } from './broker.ts'
import { checkSettings } from './check-settings.ts'
import { readCredentials } from './credentials.ts'
import { type Deliveries, openDeliveries } from './deliveries.ts'
import { forwardToBroker } from './forward-to-broker.ts'
import { forwardToServer } from './forward-to-server.ts'
import type { Forwarder } from './forwarder.ts'
import { createForwardingMetrics } from './metrics.ts'
import { reasonOf } from './refusals.ts'
import { type EventsSettings, settingsSchema } from './settings.ts'

export const eventsAdapter: Worker<EventsSettings> = {
  name: 'events',
  schema: settingsSchema,
  prefix: 'EVENTS_ADAPTER',
  check: checkSettings,
  lasting: ({ send }) => send.flatMap(({ quarantine }) => quarantine.folder ?? []),
  open: (q) => openEvents(q),
}

export type Rooms = { broker: Broker; deliveries: Deliveries }

/** `arm` is for tests, which end the process between two steps. */
export function openEvents(
  { settings, log, metrics }: WorkerQuestion<EventsSettings>,
  arm: (rooms: Rooms) => Rooms = (rooms) => rooms,
): Promise<OpenWorker> {
  return startInTurn(async (inTurn) => {
    const counted = createForwardingMetrics(metrics)
    const opened = await openRooms(settings, inTurn, { log, onReset: (way) => counted.resets.inc({ way }) })
    const { broker, deliveries } = arm(opened)
    const common = { limits: settings.limits, broker, deliveries, metrics: counted, log }
    const forwarders = new Map<string, Forwarder>()
    inTurn.defer(async () => void (await Promise.all([...forwarders.values()].map((one) => one.stop()))))
    for (const way of settings.send) forwarders.set(way.name, await forwardToServer({ ...common, way }))
    for (const way of settings.receive) forwarders.set(way.name, forwardToBroker({ ...common, way }))
    return {
      health: {
        broker: () => broker.finding(),
        ...Object.fromEntries([...forwarders].map(([name, one]) => [name, () => one.finding()])),
      },
      close: () => inTurn.disposeAsync(),
    }
  })
}

/** Whether broker and security server can be reached; no message is taken, no event fetched. */
export function probeEvents(settings: EventsSettings, log: Log): Promise<Probe> {
  return startInTurn(async (inTurn) => {
    const { broker, deliveries } = await openRooms(settings, inTurn, { log, onReset: () => undefined })
    return {
      findings: {
        'security server': () =>
          deliveries.reach().then(
            () => ({ ok: true }),
            (thrown: unknown) => ({ ok: false, reason: reasonOf(thrown) }),
          ),
        broker: () => broker.finding(),
      },
      close: () => inTurn.disposeAsync(),
    }
  })
}

async function openRooms(
  settings: EventsSettings,
  inTurn: AsyncDisposableStack,
  { log, onReset }: { log: Log; onReset: (way: string) => void },
): Promise<Rooms> {
  const deliveries = await openDeliveries(settings.securityServer)
  inTurn.defer(() => deliveries.close())
  const broker = await openBroker(settings, log, onReset)
  inTurn.defer(() => broker.close())
  return { broker, deliveries }
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
