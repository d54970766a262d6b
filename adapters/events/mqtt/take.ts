/**
 * Takes the messages of a topic by a session that the broker keeps. Guarantees that acknowledgements leave in
 * the order in which the messages came (MQTT 5.0, 4.6), that what was not acknowledged is known again when
 * the broker repeats it after an interruption, and that a broker which has forgotten the session is said.
 */
import type { IPublishPacket, Packet } from 'mqtt-packet'
import type { Log } from '#platform/logging/create-log.ts'
import type { Taken, Taking } from '../broker.ts'
import type { Credentials } from '../credentials.ts'
import { tooLarge } from '../make-event.ts'
import type { BrokerSettings, LimitSettings, SendSettings } from '../settings.ts'
import type { Connection } from './connection.ts'
import { readProperties } from './properties.ts'
import { openSession } from './session.ts'

type TakeQuestion = {
  way: SendSettings
  broker: BrokerSettings
  limits: LimitSettings
  credentials: Credentials
  log: Log
  onReset(): void
  deliver(message: Taken): void
}

type Out = { isDone: boolean }

/** Of a message, beside its event. */
const MOST_HEAD_BYTES = 131_072
const SUBSCRIBE_ID = 1
const REFUSED = 0x80

export function takeFromMqtt(q: TakeQuestion): Taking {
  const { way, broker, limits } = q
  /** What the broker has not heard of, by the packet's number, which is the same when it is repeated. */
  const out = new Map<number, Out>()
  /** The numbers as they came by this connection. */
  let order: number[] = []
  /** How many are being handed over, and what has to wait for one of these to end. */
  let underWay = 0
  let waiting: (() => void)[] = []
  let wasKnown = false
  let isStopped = false
  let unconfirmable = 0
  let subscribed: { resolve(): void; reject(cause: Error): void } | undefined
  const mostBytes = limits.eventBytes + MOST_HEAD_BYTES
  const receiveMaximum = Math.max(1, Math.min(limits.messages, 65_535, Math.floor(limits.bytes / mostBytes)))

  function acknowledge(): void {
    const connection = session.current()
    if (connection === undefined) return
    while (order.length > 0 && out.get(order[0]!)?.isDone === true) {
      const messageId = order.shift()!
      out.delete(messageId)
      connection.send({ cmd: 'puback', messageId, reasonCode: 0 })
    }
  }

  async function onConnect(connection: Connection): Promise<void> {
    order = []
    waiting = []
    const isKnown = connection.connack.sessionPresent
    if (!isKnown) {
      out.clear()
      if (wasKnown) {
        q.log.warn('the broker has forgotten the session: what it had not given out is gone from it')
        q.onReset()
      }
    }
    wasKnown = true
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    subscribed = { resolve, reject }
    // What was retained is given out when the subscription is new, and not at each return.
    const subscriptions = [{ topic: way.from, qos: 1 as const, rh: 1 }]
    connection.send({ cmd: 'subscribe', messageId: SUBSCRIBE_ID, subscriptions })
    await promise
  }

  function onPacket(packet: Packet, isCut: boolean): void {
    if (packet.cmd === 'suback') {
      const code = packet.granted[0]
      const granted = typeof code === 'number' ? code : REFUSED
      if (granted >= REFUSED)
        subscribed?.reject(
          new Error(`it refuses the subscription of ${way.from} (0x${granted.toString(16)})`),
        )
      else subscribed?.resolve()
    } else if (packet.cmd === 'publish') onPublish(packet, isCut)
  }

  function onPublish(packet: IPublishPacket, isCut: boolean): void {
    const { messageId } = packet
    // After the stop the broker keeps it for the next connection.
    if (isStopped) return
    if (packet.qos === 0 || messageId === undefined) onUnconfirmed(packet, isCut)
    else onConfirmable(packet, messageId, isCut)
  }

  function onConfirmable(packet: IPublishPacket, messageId: number, isCut: boolean): void {
    order.push(messageId)
    if (packet.dup && out.has(messageId)) {
      acknowledge()
      return
    }
    const begin = (): void => {
      const entry: Out = { isDone: false }
      out.set(messageId, entry)
      underWay++
      q.deliver({ ...contentOf(packet, isCut), confirm: async () => end(entry) })
    }
    if (underWay < receiveMaximum) begin()
    else {
      // Mosquitto 2.0.11 was seen to send more than it was allowed to. What is not read stays with it.
      waiting.push(begin)
      session.current()?.pause()
    }
  }

  function end(entry: Out): void {
    if (entry.isDone) return
    entry.isDone = true
    underWay--
    acknowledge()
    waiting.shift()?.()
    if (waiting.length === 0) session.current()?.resume()
  }

  /** Of quality of service 0: nobody repeats it, and nothing bounds how many there are but to let them go. */
  function onUnconfirmed(packet: IPublishPacket, isCut: boolean): void {
    if (unconfirmable >= receiveMaximum) {
      q.log.warn({ qos: 0 }, 'a message was let go: there are more than can be kept')
      return
    }
    unconfirmable++
    let isOver = false
    q.deliver({
      ...contentOf(packet, isCut),
      async confirm() {
        if (!isOver) unconfirmable--
        isOver = true
      },
    })
  }

  function contentOf(packet: IPublishPacket, isCut: boolean): Omit<Taken, 'confirm'> {
    return {
      ...{ subject: packet.topic, position: undefined, body: Buffer.from(packet.payload) },
      ...{ ...readProperties(packet), fault: isCut ? tooLarge(limits.eventBytes) : undefined },
    }
  }

  const session = openSession({
    ...{ url: broker.urls[0]!, credentials: q.credentials, user: broker.user, log: q.log },
    ...{ clientId: `${broker.name}-${way.name}`, clean: false, receiveMaximum, mostBytes },
    ...{ onConnect, onPacket, onEnd: () => subscribed?.resolve() },
  })
  return {
    finding: session.finding,
    async stop() {
      isStopped = true
    },
    release: session.close,
  }
}
