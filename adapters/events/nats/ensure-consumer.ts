/**
 * The durable consumer of a way at the server. Guarantees that it is there and keeps what is not confirmed,
 * however often it is given out.
 */
import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  JetStreamApiError,
  jetstreamManager,
} from '@nats-io/jetstream'
import { type NatsConnection, nanos } from '@nats-io/transport-node'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { BrokerSettings, LimitSettings, SendSettings } from '../settings.ts'

export type Place = {
  name: string
  /** When the stream was made: a stream of the same name that is made later numbers its messages anew. */
  streamCreated: string
  /** How often this consumer has given out messages: the count of one that is made later begins anew. */
  givenOut: number
  /** It is not the stream or consumer of before. */
  isReset: boolean
  isSameStream: boolean
  /** The last place that was given out, and how many up to there are not confirmed. */
  deliveredTo: number
  unconfirmed: number
  /** How many may be out. */
  most: number
}

type EnsureQuestion = {
  way: SendSettings
  broker: BrokerSettings
  limits: LimitSettings
  connection: NatsConnection
  log: Log
  /** As it was found before. */
  known: Place | undefined
  /** Where a consumer that has gone is made anew, if the stream is still the same. */
  from: number
}

/** JetStream's code for a consumer that is not there. */
const NO_CONSUMER = 10_014

export async function ensureConsumer(q: EnsureQuestion): Promise<Place> {
  const { way, known, log } = q
  const stream = way.stream!
  const name = way.consumer ?? `${q.broker.name}-${way.name}`
  const manager = await jetstreamManager(q.connection)
  const { created, state } = await manager.streams.info(stream)
  const streamCreated = secondsOf(created)
  const isSameStream = known?.streamCreated === streamCreated
  const most = mostOut(q)
  const wanted: Partial<ConsumerConfig> = {
    ...{ ack_policy: AckPolicy.Explicit, filter_subject: way.from, max_deliver: -1, max_ack_pending: most },
    ack_wait: nanos(q.broker.ackWaitSeconds * 1000),
  }
  const start: Partial<ConsumerConfig> =
    known !== undefined && isSameStream
      ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: q.from }
      : { deliver_policy: DeliverPolicy.All }
  const found = await manager.consumers.info(stream, name).catch((thrown: unknown) => {
    if (thrown instanceof JetStreamApiError && thrown.code === NO_CONSUMER) return undefined
    throw thrown
  })
  if (found !== undefined) checkConsumer(found, way.from)
  const info =
    found === undefined
      ? await manager.consumers.add(stream, { durable_name: name, ...wanted, ...start })
      : await manager.consumers.update(stream, name, wanted)
  // When a consumer was made says nothing: a server that was started again tells another time, on a busy
  // machine seconds later.
  const isReset =
    known !== undefined &&
    (!isSameStream || found === undefined || found.delivered.consumer_seq < known.givenOut)
  if (isReset)
    log.warn(
      { stream, consumer: name, isSameStream, first: state.first_seq, last: state.last_seq },
      isSameStream
        ? 'the consumer is not the one of before: messages may come again, and are known by their ids'
        : 'the stream is not the one of before: what it held and had not given out is gone from it',
    )
  return {
    ...{ name, streamCreated, isReset, isSameStream, most, givenOut: info.delivered.consumer_seq },
    ...{ deliveredTo: info.delivered.stream_seq, unconfirmed: info.num_ack_pending },
  }
}

/** What is in memory is bounded by the largest message that the server takes from anybody. */
function mostOut({ limits, connection }: EnsureQuestion): number {
  const largest = connection.info?.max_payload ?? limits.bytes
  return Math.max(1, Math.min(limits.messages, Math.floor(limits.bytes / largest)))
}

/** A consumer that somebody else has made has to be one that loses nothing. */
function checkConsumer({ config }: ConsumerInfo, subject: string): void {
  const wrong = [
    config.ack_policy !== AckPolicy.Explicit && 'ack_policy is not explicit',
    config.deliver_subject !== undefined && 'it pushes',
    config.filter_subject !== subject && `it is not one of ${subject}`,
  ].filter((one) => one !== false)
  if (wrong.length > 0)
    throw new Fault('invalid_configuration', { what: `the consumer ${config.name}: ${wrong.join(', ')}` })
}

/** `2026-11-29T08:11:43.123456789Z` as `20261129T081143`. */
function secondsOf(created: string): string {
  return created.slice(0, 19).replace(/[-:]/g, '')
}
