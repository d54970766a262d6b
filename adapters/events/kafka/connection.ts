/**
 * One connection to a Kafka broker. Guarantees that each answer is the one of its request, that none is
 * larger than is allowed for it, that a broker which is silent ends the connection, and that `ended` says
 * why.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Credentials } from '../credentials.ts'
import type { BrokerSettings } from '../settings.ts'
import { createFrames } from './frames.ts'
import { API_VERSIONS, type Ask, type Request } from './requests.ts'
import { authenticate } from './sasl.ts'
import { createReader, createWriter } from './wire.ts'

export type Connection = {
  ask: Ask
  isOpen(): boolean
  /** Resolves when it has ended, with the reason. */
  ended: Promise<string>
  close(why: string): void
}

type ConnectionQuestion = {
  host: string
  port: number
  isTls: boolean
  broker: Pick<BrokerSettings, 'name' | 'user' | 'mechanism'>
  credentials: Credentials
}

type Waiting = { id: number; mostBytes: number; take(bytes: Buffer): void; fail(cause: Error): void }

const CONNECT_MS = 10_000
const ANSWER_MS = 10_000
const MOST_ANSWER_BYTES = 4_194_304
const LAST_ID = 0x7fffffff

/** Rejects when there is no connection, when the broker refuses the credentials, and when it is too old. */
export async function openConnection(q: ConnectionQuestion): Promise<Connection> {
  const socket = await openSocket(q)
  const waiting: Waiting[] = []
  const { promise: ended, resolve: finish } = Promise.withResolvers<string>()
  let why = 'the connection is interrupted'
  let isEnded = false
  let lastId = 0
  const close = (reason: string): void => {
    if (!isEnded) why = reason
    socket.destroy()
  }
  const frames = createFrames(
    () => waiting[0]?.mostBytes ?? 0,
    (bytes) => waiting.shift()!.take(bytes),
  )
  socket.on('data', (piece) => {
    try {
      frames(piece as Buffer)
    } catch (thrown) {
      close((thrown as Error).message)
    }
  })
  socket.on('error', (error) => {
    why = error.message
  })
  socket.once('close', () => {
    isEnded = true
    for (const { fail } of waiting.splice(0)) fail(new Error(why))
    finish(why)
  })

  const ask: Ask = (request, asked, { mostBytes = MOST_ANSWER_BYTES, waitMs = 0 } = {}) => {
    if (isEnded || socket.destroyed) return Promise.reject(new Error(why))
    lastId = lastId === LAST_ID ? 1 : lastId + 1
    const id = lastId
    const { promise, resolve, reject } = Promise.withResolvers<never>()
    const late = setTimeout(() => close(`the broker does not answer (${request.name})`), waitMs + ANSWER_MS)
    const take = (bytes: Buffer): void => {
      clearTimeout(late)
      try {
        resolve(readAnswer(request, id, bytes) as never)
      } catch (thrown) {
        const cause = new Error(`${request.name}: ${(thrown as Error).message}`)
        reject(cause)
        close(cause.message)
      }
    }
    const fail = (cause: Error): void => {
      clearTimeout(late)
      reject(cause)
    }
    waiting.push({ id, mostBytes, take, fail })
    socket.write(frameOf(request, asked, id, q.broker.name))
    return promise
  }

  const connection: Connection = { ask, isOpen: () => !isEnded && !socket.destroyed, ended, close }
  try {
    await checkVersions(connection)
    await authenticate(connection.ask, q.broker, q.credentials.password)
    return connection
  } catch (thrown) {
    close((thrown as Error).message)
    throw thrown
  }
}

function frameOf<Q, A>(request: Request<Q, A>, asked: Q, id: number, client: string): Buffer {
  const w = createWriter()
  w.int16(request.key)
  w.int16(request.version)
  w.int32(id)
  w.oldText(client)
  if (request.isFlexible) w.tags()
  request.write(w, asked)
  const body = w.done()
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

function readAnswer<Q, A>(request: Request<Q, A>, id: number, bytes: Buffer): A {
  const r = createReader(bytes)
  if (r.int32() !== id) throw new Error('the answer is one of another request')
  if (request.isFlexible) r.tags()
  return request.read(r)
}

/** Brokers from 3.1 on fetch by the id of a topic; what else is asked for is older. */
async function checkVersions(connection: Connection): Promise<void> {
  const { error, apis } = await connection.ask(API_VERSIONS, undefined)
  const FETCH = { key: 1, version: 13 }
  const fetch = apis.find(({ key }) => key === FETCH.key)
  if (error !== 0 || fetch === undefined || fetch.max < FETCH.version || fetch.min > FETCH.version)
    throw new Error('the broker is none of Kafka from 3.1 on')
}

function openSocket({ host, port, isTls, credentials }: ConnectionQuestion): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const servername = isIP(host) === 0 ? host : ''
  const socket = isTls
    ? connectTls({ host, port, servername, ...credentials.tls, rejectUnauthorized: true })
    : connectTcp({ host, port })
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
