/**
 * Publishes to a topic. Guarantees that it ends when all replicas that are in step have the message
 * (acks=all), that repetitions within `confirmMs` are known by the broker, and that messages with the same
 * key stand in one partition, as by Kafka's own clients.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { createTurn } from '#platform/in-turn.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { Broker, Outgoing } from '../broker.ts'
import type { BrokerSettings } from '../settings.ts'
import type { Cluster, Topic } from './cluster.ts'
import type { Connection } from './connection.ts'
import { CODES, check, codeOf, kafkaError } from './error-codes.ts'
import { writeKafkaHeaders } from './headers.ts'
import { murmur2 } from './murmur2.ts'
import { writeBatch } from './records.ts'
import { INIT_PRODUCER_ID, PRODUCE } from './requests.ts'

/** Of one partition. What it does next stands by the id of the topic: another one begins anew. */
type Producer = { id: number; epoch: number; sequences: Map<string, number> }
type Partition = Topic['partitions'][number]

const RETRY_MS = 200
/** After how long a topic may have got other partitions. */
const TOPIC_MS = 60_000
/** Brokers end the connection for a larger request. */
const MOST_BYTES = 67_108_864
const OF_MESSAGE: number[] = [CODES.messageTooLarge, CODES.recordListTooLarge, CODES.invalidRecord]
/** The broker does not know what this producer did before. */
const OF_PRODUCER: number[] = [CODES.outOfOrderSequence, CODES.invalidProducerEpoch, CODES.unknownProducer]
/** Leader, replicas, coordinator, time: another try may do. */
const PASSING = [CODES.unknownTopic, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 56]

export function createPublish(q: {
  cluster: Cluster
  broker: BrokerSettings
  log: Log
  onReset(): void
}): Broker['publish'] {
  const { cluster, broker } = q
  const topics = new Map<string, { topic: Topic; at: number }>()
  const connections = new Map<number, Promise<Connection>>()
  const turns = new Map<string, ReturnType<typeof createTurn>>()
  /** One for each lane: a failure in one lane must not make the repetitions of others new messages. */
  const producers = new Map<string, Promise<Producer>>()
  let round = 0

  async function topicOf(name: string): Promise<Topic> {
    const known = topics.get(name)
    if (known !== undefined && performance.now() - known.at < TOPIC_MS) return known.topic
    const topic = await cluster.topic(name)
    if (known !== undefined && known.topic.id !== topic.id) {
      q.log.warn({ topic: name }, 'the topic has begun anew: what it held before is gone from it')
      q.onReset()
    }
    topics.set(name, { topic, at: performance.now() })
    return topic
  }

  /** Whatever is known of the topic is looked up again. */
  function forget(name: string): void {
    const known = topics.get(name)
    if (known !== undefined) known.at = Number.NEGATIVE_INFINITY
  }

  async function connectionTo({ index, leader }: Partition): Promise<Connection> {
    if (leader === undefined) throw kafkaError(5, ` (${index})`)
    const known = await connections.get(leader.id)?.catch(() => undefined)
    if (known?.isOpen() === true) return known
    const opening = cluster.connect(leader)
    opening.catch(() => undefined)
    connections.set(leader.id, opening)
    return opening
  }

  async function begin(connection: Connection): Promise<Producer> {
    const { error, id, epoch } = await connection.ask(INIT_PRODUCER_ID, undefined)
    check(error)
    return { id, epoch, sequences: new Map() }
  }

  async function producerOf(lane: string, connection: Connection): Promise<Producer> {
    const known = producers.get(lane)
    if (known !== undefined) return known
    const beginning = begin(connection)
    producers.set(lane, beginning)
    beginning.catch(() => producers.delete(lane))
    return beginning
  }

  /** Once; rejects with what Kafka says. */
  async function produce(message: Outgoing, name: string, index: number): Promise<void> {
    const topic = await topicOf(name)
    const partition = topic.partitions.find((one) => one.index === index)
    if (partition === undefined) throw kafkaError(CODES.unknownTopic)
    const connection = await connectionTo(partition)
    const current = await producerOf(laneOf(name, index), connection)
    const sequence = current.sequences.get(topic.id) ?? 0
    const { key, body } = message
    const record = { key: key === undefined ? undefined : Buffer.from(key), value: body }
    const headers = writeKafkaHeaders(message)
    const batch = writeBatch({ ...record, headers }, { ...current, sequence }, Date.now())
    const asked = { topic: name, partition: index, timeoutMs: broker.confirmMs, batch }
    const [answer] = await connection.ask(PRODUCE, asked, { waitMs: broker.confirmMs })
    if (answer === undefined) throw new Error('the broker says nothing of the message')
    const { error, message: more } = answer
    if (error !== 0 && error !== CODES.duplicateSequence)
      throw kafkaError(error, more === undefined ? '' : `: ${more.slice(0, 200)}`)
    current.sequences.set(topic.id, sequence === 0x7fffffff ? 0 : sequence + 1)
  }

  async function produceUntil(message: Outgoing, index: number): Promise<void> {
    const until = performance.now() + broker.confirmMs
    for (;;) {
      try {
        return await produce(message, message.to, index)
      } catch (thrown) {
        if (thrown instanceof Fault) throw thrown
        const code = codeOf(thrown)
        const what = `Kafka: ${(thrown as Error).message}`
        if (code !== undefined && OF_MESSAGE.includes(code))
          throw new Fault('source_refused', { what, cause: thrown })
        if (code !== undefined && OF_PRODUCER.includes(code)) producers.delete(laneOf(message.to, index))
        forget(message.to)
        const isPassing = code === undefined || PASSING.includes(code) || OF_PRODUCER.includes(code)
        if (!isPassing || performance.now() > until) {
          // It may be there, and its sequence may be used.
          producers.delete(laneOf(message.to, index))
          throw new Fault('source_unavailable', { what, cause: thrown })
        }
        await wait(RETRY_MS)
      }
    }
  }

  return async (message) => {
    const { ok, reason } = cluster.finding()
    if (!ok) throw new Fault('source_unavailable', { what: reason })
    if (message.body.length > MOST_BYTES)
      throw new Fault('source_refused', { what: `it is larger than ${MOST_BYTES} octets` })
    const { partitions } = await topicOf(message.to).catch((cause: unknown) => {
      throw new Fault('source_unavailable', { what: `Kafka: ${(cause as Error).message}`, cause })
    })
    if (partitions.length === 0)
      throw new Fault('source_unavailable', { what: 'Kafka: it has no partitions' })
    const at = message.key === undefined ? round++ : murmur2(Buffer.from(message.key)) & 0x7fffffff
    const { index } = partitions[at % partitions.length]!
    const lane = laneOf(message.to, index)
    const inTurn = turns.get(lane) ?? createTurn()
    turns.set(lane, inTurn)
    await inTurn(() => produceUntil(message, index))
  }
}

function laneOf(topic: string, index: number): string {
  return `${topic} ${index}`
}
