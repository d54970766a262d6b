/**
 * For tests: the two security servers of the deliveries' own tests, listening on loopback addresses; the
 * adapter in the test's own process; and what others do at the brokers.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, headers, type NatsConnection, nanos } from '@nats-io/transport-node'
import type { IPublishPacket, Packet } from 'mqtt-packet'
import type { Test } from 'tap'
import { emptyFolder, ownAddress } from '#adapters/kit/kit-fixture.ts'
import { readWorkerSettings } from '#adapters/kit/serve-worker.ts'
import type { Finding } from '#platform/health/create-health.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import {
  acknowledge,
  fetch,
  hand,
  settle,
  structured,
} from '#security-server/features/deliveries/acts-fixture.ts'
import {
  createDeliveryWorld,
  type DeliveryWorld,
} from '#security-server/features/deliveries/delivery-fixture.ts'
import type { BrokerProcess } from '#test/broker-process.ts'
import { eventsAdapter, openEvents, type Rooms } from './adapter.ts'
import { openConnection } from './mqtt/connection.ts'

export const INBOX = 'DEV/GOV/2000/population/assessments'

export type Servers = {
  made: DeliveryWorld
  /** Settings of the own security server: of the agency that sends, and of the one that has the inbox. */
  sender: { url: string; client: string }
  receiver: { url: string; client: string }
  /** Events that the inbox got, acknowledged and in order. */
  arrived(): Promise<{ id?: string; data?: unknown; partitionkey?: string }[]>
  /** One event in the inbox. */
  post(event: Parameters<typeof structured>[0]): Promise<void>
  /** Nobody listens for the sending agency, until `rise`. */
  fall(): Promise<void>
  rise(): Promise<void>
}

export async function startServers(t: Test): Promise<Servers> {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-events-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const at = (file: string): string => `sqlite:${path.join(folder, file)}`
  const made = await createDeliveryWorld(t, { sender: at('sender.db'), receiver: at('receiver.db') })
  const [senderHost, receiverHost] = [ownAddress(), ownAddress()]
  const listen = async (side: 'sender' | 'receiver', host: string): Promise<void> => {
    await made[side].app.listen({ host, port: 8080 })
  }
  await listen('sender', senderHost)
  await listen('receiver', receiverHost)
  const seen: { id?: string; data?: unknown; partitionkey?: string }[] = []
  return {
    made,
    sender: { url: `http://${senderHost}:8080`, client: 'DEV/GOV/1000/tax' },
    receiver: { url: `http://${receiverHost}:8080`, client: 'DEV/GOV/2000/population' },
    async arrived() {
      await settle(made)
      for (let batch = await fetch(made, '?limit=100'); batch.length > 0; batch = await fetch(made))
        for (const { id, event } of batch) {
          seen.push(event)
          await acknowledge(made, id)
        }
      return seen
    },
    async post(event) {
      await hand(made, structured(event))
      await settle(made)
    },
    async fall() {
      await made.sender.app.close()
    },
    async rise() {
      await made.sender.restart()
      await listen('sender', senderHost)
    },
  }
}

type AdapterForTests = {
  lines: string[]
  health(): Promise<Record<string, Finding>>
  metric(name: string): Promise<number>
  stop(): Promise<void>
}

/** The settings file of an adapter, in a folder of its own. */
export function settingsFile(t: Test, settings: object): string {
  const file = path.join(emptyFolder(t), 'events.yaml')
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, JSON.stringify({ monitoring: { address: ownAddress() }, ...settings }, null, 1))
  return file
}

export async function startEvents(
  t: Test,
  settings: object,
  arm?: (rooms: Rooms) => Rooms,
): Promise<AdapterForTests> {
  const read = await readWorkerSettings(eventsAdapter, settingsFile(t, settings), {})
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const log = createLog({ name: 'test', level: 'info', destination })
  const metrics = createMetrics()
  const opened = await openEvents({ settings: read, log, metrics }, arm)
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= opened.close())
  t.teardown(stop)
  return {
    ...{ lines, stop },
    async health() {
      const found = Object.entries(opened.health).map(async ([name, check]) => [name, await check()] as const)
      return Object.fromEntries(await Promise.all(found))
    },
    async metric(name) {
      const { values } = (await metrics.registry.getSingleMetric(name)?.get()) ?? { values: [] }
      return values.reduce((sum, { value }) => sum + value, 0)
    },
  }
}

/** What others do at a NATS server. */
export async function openNatsUser(t: Test, { address, port }: BrokerProcess, more: object = {}) {
  const connection: NatsConnection = await connect({
    ...{ servers: `${address}:${port}`, maxReconnectAttempts: -1, reconnectTimeWait: 100, ...more },
  })
  t.teardown(() => connection.close())
  const manager = await jetstreamManager(connection)
  return {
    connection,
    manager,
    // It knows repetitions for an hour: a busy machine may take longer than the two minutes of a stream that
    // says nothing.
    addStream: (name: string, subjects: string[]) =>
      manager.streams.add({ name, subjects, duplicate_window: nanos(3_600_000) }),
    async publish(subject: string, body: string | Uint8Array, given: Record<string, string> = {}) {
      const all = headers()
      for (const [name, value] of Object.entries(given)) all.append(name, value)
      return jetstream(connection).publish(subject, body, { headers: all })
    },
    /** All that a stream holds. */
    async held(stream: string) {
      const { state } = await manager.streams.info(stream)
      const found: { subject: string; headers: Map<string, string>; body: string; seq: number }[] = []
      for (let seq = state.messages === 0 ? 1 : state.first_seq; seq <= state.last_seq; seq++) {
        const message = await manager.streams.getMessage(stream, { seq })
        if (message === null) continue
        const list = [...message.header].map(([name, values]): [string, string] => [
          name.toLowerCase(),
          values[0]!,
        ])
        found.push({
          ...{ subject: message.subject, headers: new Map(list), seq },
          body: Buffer.from(message.data).toString(),
        })
      }
      return found
    },
    /** How many messages of the consumer are out or wait. */
    async left(stream: string, consumer: string): Promise<number | undefined> {
      const info = await manager.consumers.info(stream, consumer).catch(() => undefined)
      return info && info.num_pending + info.num_ack_pending
    },
  }
}

/** What others do at an MQTT broker, by the adapter's own connection. */
export async function openMqttUser(t: Test, { address, port }: BrokerProcess, q: { clientId?: string } = {}) {
  const confirmed = new Map<number, (packet: Packet) => void>()
  const topics = new Map<string, IPublishPacket[]>()
  let lastId = 0
  const connection = await openConnection({
    ...{ url: `mqtt://${address}:${port}`, credentials: { tls: {} }, user: undefined },
    ...{ clientId: q.clientId ?? 'user', clean: true, receiveMaximum: 100, mostBytes: 10_000_000 },
    onPacket(packet) {
      if (packet.cmd === 'publish') {
        connection.send({ cmd: 'puback', messageId: packet.messageId!, reasonCode: 0 })
        for (const [topic, got] of topics) if (topic === packet.topic) got.push(packet)
      } else confirmed.get(packet.messageId ?? 0)?.(packet)
    },
  })
  t.teardown(() => connection.destroy('the test is over'))
  const sent = (packet: Packet & { messageId: number }): Promise<Packet> => {
    const { promise, resolve } = Promise.withResolvers<Packet>()
    confirmed.set(packet.messageId, resolve)
    connection.send(packet)
    return promise
  }
  return {
    connection,
    async publish(
      topic: string,
      payload: string | Buffer,
      properties: NonNullable<IPublishPacket['properties']> = {},
    ) {
      await sent({
        ...{ cmd: 'publish', qos: 1, dup: false, retain: false, messageId: ++lastId },
        ...{ topic, payload, properties },
      })
    },
    async subscribe(topic: string): Promise<IPublishPacket[]> {
      const got: IPublishPacket[] = []
      topics.set(topic, got)
      await sent({ cmd: 'subscribe', messageId: ++lastId, subscriptions: [{ topic, qos: 1 }] })
      return got
    },
  }
}
