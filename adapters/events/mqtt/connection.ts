/**
 * One connection to an MQTT 5.0 broker, from CONNECT to its end. Guarantees that packets come in order, that
 * silence ends it, and that `ended` says why.
 */
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import {
  parser as createParser,
  generate,
  type IConnackPacket,
  type IConnectPacket,
  type IDisconnectPacket,
  type Packet,
} from 'mqtt-packet'
import type { Credentials } from '../credentials.ts'
import { createFrames } from './frames.ts'

export type Connection = {
  connack: IConnackPacket
  send(packet: Packet): void
  /** Nothing more is read until `resume`; the broker keeps what it has. */
  pause(): void
  resume(): void
  /** Resolves when it has ended, with the reason. */
  ended: Promise<string>
  /** Ends it in order: what was sent before arrives. */
  end(): Promise<void>
  /** Ends it now. */
  destroy(why: string): void
}

type ConnectionQuestion = {
  url: string
  credentials: Credentials
  user: string | undefined
  clientId: string
  /** The session of before is dropped, and this one ends with the connection. */
  clean: boolean
  receiveMaximum: number
  /** The most bytes of a packet that are kept. */
  mostBytes: number
  onPacket(packet: Packet, isCut: boolean): void
}

const V5 = { protocolVersion: 5 } as const
const CONNECT_MS = 10_000
const KEEPALIVE_SECONDS = 20
/** The session outlives any absence of the adapter. */
const FOR_EVER = 0xffffffff
/** A session that has been taken over: somebody else has the same name. */
const TAKEN_OVER = 0x8e
const PORTS = { 'mqtt:': 1883, 'mqtts:': 8883 } as Record<string, number>

/** Rejects when there is no connection, with the broker's reason if it refused. */
export async function openConnection(q: ConnectionQuestion): Promise<Connection> {
  const socket = await openSocket(q)
  const { promise: ended, resolve: finish } = Promise.withResolvers<string>()
  const { promise: connacked, resolve: onConnack } = Promise.withResolvers<IConnackPacket>()
  let why = 'the connection is interrupted'
  const destroy = (reason: string): void => {
    why = reason
    socket.destroy()
  }
  const send = (packet: Packet): void => {
    if (socket.writable) socket.write(generate(packet, V5))
  }
  let isOpen = false
  const onPacket = (packet: Packet, isCut: boolean): void => {
    if (packet.cmd === 'disconnect') destroy(wordsOf(packet))
    else if (isOpen) q.onPacket(packet, isCut)
    else if (packet.cmd !== 'connack') destroy('it does not answer as a broker')
    else {
      isOpen = true
      onConnack(packet)
    }
  }
  const parse = createParsing(onPacket)
  const frames = createFrames(q.mostBytes, ({ bytes, isCut }) => parse(bytes, isCut))
  let heardAt = performance.now()
  socket.on('data', (piece) => {
    heardAt = performance.now()
    try {
      frames(piece as Buffer)
    } catch (thrown) {
      destroy((thrown as Error).message)
    }
  })
  socket.on('error', (error) => {
    why = error.message
  })
  const pinging = setInterval(
    () => {
      if (!socket.isPaused() && performance.now() - heardAt > KEEPALIVE_SECONDS * 1500)
        destroy('the broker is silent')
      else send({ cmd: 'pingreq' })
    },
    (KEEPALIVE_SECONDS * 1000) / 2,
  )
  socket.once('close', () => {
    clearInterval(pinging)
    finish(why)
  })
  send(connectOf(q))
  const late = setTimeout(() => destroy('the broker does not answer'), CONNECT_MS)
  const connack = await Promise.race([connacked, ended]).finally(() => clearTimeout(late))
  if (typeof connack === 'string') throw new Error(connack)
  const refusal = refusalOf(connack)
  if (refusal !== undefined) {
    destroy(refusal)
    throw new Error(refusal)
  }
  return {
    ...{ connack, send, ended, destroy },
    pause: () => void socket.pause(),
    resume() {
      if (!socket.isPaused()) return
      heardAt = performance.now()
      socket.resume()
    },
    async end() {
      send({ cmd: 'disconnect', reasonCode: 0 })
      socket.end()
      const stuck = setTimeout(() => socket.destroy(), CONNECT_MS)
      await ended
      clearTimeout(stuck)
    },
  }
}

function openSocket({ url, credentials }: ConnectionQuestion): Promise<Socket> {
  const { hostname, protocol, port } = new URL(url)
  const at = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || PORTS[protocol]) }
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const isTls = protocol === 'mqtts:'
  const socket = isTls ? connectTls({ ...at, ...credentials.tls, rejectUnauthorized: true }) : connectTcp(at)
  socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error('no connection in time')))
  socket.once('error', reject)
  socket.once('close', () => reject(new Error('the connection was closed')))
  socket.once(isTls ? 'secureConnect' : 'connect', () => {
    socket.setTimeout(0)
    socket.setNoDelay(true)
    resolve(socket)
  })
  return promise
}

function connectOf({ clientId, clean, receiveMaximum, user, credentials }: ConnectionQuestion) {
  const { password } = credentials
  const packet: IConnectPacket = {
    ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, keepalive: KEEPALIVE_SECONDS },
    ...{ clientId, clean, properties: { sessionExpiryInterval: clean ? 0 : FOR_EVER, receiveMaximum } },
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password: Buffer.from(password) }),
  }
  return packet
}

/** One whole packet at a time; throws for what is malformed. */
function createParsing(onPacket: (packet: Packet, isCut: boolean) => void) {
  return (bytes: Buffer, isCut: boolean): void => {
    const parser = createParser(V5)
    let failure: Error | undefined
    parser.on('packet', (packet: Packet) => onPacket(packet, isCut))
    parser.on('error', (error: Error) => {
      failure = error
    })
    parser.parse(bytes)
    if (failure !== undefined) throw failure
  }
}

function refusalOf({ reasonCode = 0, properties }: IConnackPacket): string | undefined {
  if (reasonCode !== 0)
    return `the broker refuses the connection (0x${reasonCode.toString(16)}${said(properties?.reasonString)})`
  // Without quality of service 1 nothing is confirmed.
  return properties?.maximumQoS === 0 ? 'the broker confirms no messages (QoS 0 only)' : undefined
}

function wordsOf({ reasonCode = 0, properties }: IDisconnectPacket): string {
  if (reasonCode === TAKEN_OVER) return 'another client with the same name has taken the session over'
  return `the broker ends the connection (0x${reasonCode.toString(16)}${said(properties?.reasonString)})`
}

function said(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${reason.slice(0, 200)}`
}
