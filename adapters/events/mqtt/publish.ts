/**
 * Publishes with quality of service 1. Guarantees that it ends when the broker has confirmed the message, to
 * somebody who is subscribed.
 */
import { generate, type IPubackPacket, type IPublishPacket, type Packet } from 'mqtt-packet'
import { createPlaces } from '#platform/in-turn.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { Broker, Outgoing } from '../broker.ts'
import type { Credentials } from '../credentials.ts'
import type { BrokerSettings } from '../settings.ts'
import { writeProperties } from './properties.ts'
import { openSession, type Session } from './session.ts'

type Pending = { resolve(): void; reject(cause: Fault): void }

/** Fewer than any broker allows to be on their way. */
const AT_ONCE = 8
const MOST_ANSWER_BYTES = 65_536
const NO_SUBSCRIBERS = 0x10
const REFUSED = 0x80
const PAYLOAD_FORMAT = 0x99
const LAST_ID = 65_535

export function openPublisher(q: {
  broker: BrokerSettings
  credentials: Credentials
  log: Log
}): Pick<Broker, 'publish' | 'finding' | 'close'> {
  const { broker } = q
  const pending = new Map<number, Pending>()
  const places = createPlaces(AT_ONCE)
  let lastId = 0

  function onPacket(packet: Packet): void {
    if (packet.cmd !== 'puback' || packet.messageId === undefined) return
    const waiting = pending.get(packet.messageId)
    const refusal = refusalOf(packet)
    if (refusal === undefined) waiting?.resolve()
    else waiting?.reject(refusal)
  }

  const session: Session = openSession({
    ...{ url: broker.urls[0]!, credentials: q.credentials, user: broker.user, log: q.log },
    ...{ clientId: `${broker.name}-publisher`, clean: true, receiveMaximum: 1, mostBytes: MOST_ANSWER_BYTES },
    ...{ onConnect: async () => undefined, onPacket },
    onEnd(why) {
      for (const { reject } of pending.values()) reject(new Fault('source_unavailable', { what: why }))
    },
  })

  async function publish(message: Outgoing): Promise<void> {
    const connection = session.current()
    if (connection === undefined || !session.finding().ok)
      throw new Fault('source_unavailable', { what: session.finding().reason })
    do lastId = (lastId % LAST_ID) + 1
    while (pending.has(lastId))
    const messageId = lastId
    const packet = packetOf(message, messageId)
    const most = connection.connack.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY
    if (generate(packet, { protocolVersion: 5 }).length > most)
      throw new Fault('source_refused', { what: `MQTT: it is larger than the broker takes (${most} bytes)` })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    pending.set(messageId, { resolve, reject })
    // The number may be used again only by another connection.
    const late = setTimeout(() => connection.destroy('the broker confirms nothing'), broker.confirmMs)
    connection.send(packet)
    await promise.finally(() => {
      clearTimeout(late)
      pending.delete(messageId)
    })
  }

  return {
    publish: (message) => places.run(() => publish(message)),
    finding: session.finding,
    close: session.close,
  }
}

function packetOf(message: Outgoing, messageId: number): IPublishPacket {
  return {
    ...{ cmd: 'publish', qos: 1, dup: false, retain: false, messageId },
    ...{ topic: message.to, payload: message.body, properties: writeProperties(message) },
  }
}

function refusalOf({ reasonCode = 0, properties }: IPubackPacket): Fault | undefined {
  const said = properties?.reasonString === undefined ? '' : `: ${properties.reasonString.slice(0, 200)}`
  // It was taken and let go at once.
  if (reasonCode === NO_SUBSCRIBERS)
    return new Fault('source_unavailable', { what: 'MQTT: nobody has subscribed to the topic' })
  if (reasonCode < REFUSED) return undefined
  return new Fault(reasonCode === PAYLOAD_FORMAT ? 'source_refused' : 'source_unavailable', {
    what: `MQTT: the broker refuses it (0x${reasonCode.toString(16)}${said})`,
  })
}
