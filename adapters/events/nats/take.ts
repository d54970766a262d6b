/**
 * Takes the messages of a subject by a durable consumer. Guarantees that the server keeps each until it has
 * confirmed the confirmation, that no more than the limit are out, and that a stream or consumer which is no
 * longer the one of before is said.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { type Consumer, type ConsumerMessages, type JsMsg, jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { Taken, Taking } from '../broker.ts'
import type { BrokerSettings, LimitSettings, SendSettings } from '../settings.ts'
import { type CatchUp, createCatchUp } from './catch-up.ts'
import { ensureConsumer, type Place } from './ensure-consumer.ts'
import { readNatsHeaders } from './headers.ts'
import type { NatsLink } from './link.ts'

type TakeQuestion = {
  way: SendSettings
  broker: BrokerSettings
  limits: LimitSettings
  link: NatsLink
  log: Log
  onReset(): void
  deliver(message: Taken): void
}

const RETRY_MS = 1000
/**
 * How long a request for messages stands at the server; after as long without a sign of life the consumer is
 * looked for.
 */
const PULL_MS = 5000

export function takeFromNats(q: TakeQuestion): Taking {
  const { way, broker, link } = q
  const ended = new AbortController()
  /** What is out, by its place in the stream: its newest copy, by which it is confirmed. */
  const out = new Map<number, JsMsg>()
  let reason: string | undefined = 'nothing was taken yet'
  let place: Place | undefined
  let lastSeq = 0
  let messages: ConsumerMessages | undefined
  let catchUp: CatchUp<JsMsg> | undefined

  function deliver(message: JsMsg): void {
    const { seq } = message
    lastSeq = Math.max(lastSeq, seq)
    q.deliver({
      ...contentOf(message),
      position: `${way.stream}-${place!.streamCreated}-${seq}`,
      async confirm() {
        const newest = out.get(seq)
        out.delete(seq)
        if (newest === undefined || !(await newest.ackAck({ timeout: broker.confirmMs })))
          throw new Fault('source_unavailable', { what: 'NATS has not confirmed the acknowledgement' })
      },
    })
  }

  async function takeSome(connection: NatsConnection): Promise<void> {
    // What waits to be confirmed starts a consumer that has to be made anew where the old one was.
    const from = Math.min(...out.keys(), lastSeq + 1)
    const found = await ensureConsumer({ ...q, connection, known: place, from })
    if (found.isReset) q.onReset()
    if (place !== undefined && !found.isSameStream) {
      out.clear()
      lastSeq = 0
    }
    place = found
    const consumer = await jetstream(connection).consumers.get(way.stream!, found.name)
    catchUp = createCatchUp({ until: found.deliveredTo, missing: found.unconfirmed - out.size }, deliver)
    const most = { max_messages: found.most, expires: PULL_MS }
    messages = await consumer.consume({ ...most, abort_on_missing_resource: true })
    reason = undefined
    const keeping = keepOut(consumer)
    try {
      for await (const message of messages) {
        const isOut = out.has(message.seq)
        out.set(message.seq, message)
        if (!isOut) catchUp.take(message)
      }
    } finally {
      clearInterval(keeping)
    }
  }

  /** Tells the server that what is out is worked on, so that it is not given out again meanwhile. */
  function keepOut(consumer: Consumer): NodeJS.Timeout {
    return setInterval(
      () => {
        if (!link.finding().ok) return
        for (const message of out.values()) message.working()
        if (catchUp?.isWaiting() === true)
          consumer.info().then(
            ({ num_ack_pending }) => catchUp?.settle(num_ack_pending),
            () => undefined,
          )
      },
      (broker.ackWaitSeconds * 1000) / 4,
    )
  }

  async function run(): Promise<void> {
    while (!ended.signal.aborted) {
      try {
        await takeSome(await link.first)
      } catch (thrown) {
        if (ended.signal.aborted) return
        const why = thrown instanceof Fault ? thrown.message : `NATS: ${(thrown as Error).message}`
        if (why !== reason) q.log.warn({ err: thrown }, 'no messages are taken')
        reason = why
      }
      await wait(RETRY_MS, undefined, { signal: ended.signal }).catch(() => undefined)
    }
  }

  // The stream may be another one under the same name.
  link.onReturn(() => messages?.stop())
  const running = run()
  return {
    finding: () => ({ ok: reason === undefined, reason }),
    async stop() {
      ended.abort()
      messages?.stop()
      await Promise.race([running, link.finding().ok ? running : undefined])
    },
    async release() {
      if (link.finding().ok) for (const message of out.values()) message.nak()
      out.clear()
    },
  }
}

function contentOf(message: JsMsg): Omit<Taken, 'position' | 'confirm'> {
  const common = { subject: message.subject, body: Buffer.from(message.data) }
  try {
    return { ...common, ...readNatsHeaders(message.headers) }
  } catch {
    const fault = new Fault('invalid_event', { what: 'the headers of the message cannot be read' })
    return { ...common, headers: [], properties: new Map(), fault }
  }
}
