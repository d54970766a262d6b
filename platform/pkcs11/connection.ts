/**
 * A connection to a `p11-kit server`. Behind it is a separate process with the module, which answers one call
 * after the other. Calls may be sent ahead; answers come in the same order. Any violation of the protocol or
 * a time limit ends the connection, since later answers could not be matched with their calls.
 */
import { connect, type Socket } from 'node:net'
import { type Answer, type CallName, ProtocolError, put, readAnswer, writeCall } from './message.ts'

/** The connection is gone; the message says why. */
export class ConnectionLost extends Error {
  override name = 'ConnectionLost'
}

/** A call with its arguments already encoded. */
export type Call = { name: CallName; parts: Buffer[]; limitMs?: number | undefined }

export type Connection = {
  /** The version of the protocol that both sides speak. */
  version: number
  /** Sends calls together; promise n is for the answer to call n. */
  send(...calls: Call[]): Promise<Answer>[]
  /** Resolves when the connection has ended, with the reason. */
  ended: Promise<Error>
  close(): void
}

/** The newest version that we know. */
const VERSION = 2
// The name comes from the first program that used the protocol.
const HANDSHAKE = 'PRIVATE-GNOME-KEYRING-PKCS11-PROTOCOL-V-1'
const HEADER = 12
const MAX_OPTIONS = 4096
const MAX_ANSWER = 256 * 1024
const MAX_WAITING = 512
const LIMIT_MS = 10_000
const CONNECT_MS = 5000

type Waiting = {
  code: number
  name: CallName
  limitMs: number
  resolve(answer: Answer): void
  reject(cause: unknown): void
}

/** Connects and initializes the module. Throws ConnectionLost, or ModuleError if the module refuses. */
export async function openConnection(path: string, { connectMs = CONNECT_MS } = {}): Promise<Connection> {
  const socket = connect({ path })
  const waiting: Waiting[] = []
  let received: Buffer[] = []
  let size = 0
  let code = 0
  let version: number | undefined
  let over: Error | undefined
  let timer: NodeJS.Timeout | undefined
  let finish: (reason: Error) => void = () => undefined
  let greeted: (() => void) | undefined
  const ended = new Promise<Error>((resolve) => {
    finish = resolve
  })

  function end(reason: Error): void {
    if (over !== undefined) return
    over = reason
    clearTimeout(timer)
    socket.destroy()
    received = []
    greeted?.()
    for (const one of waiting.splice(0)) one.reject(reason)
    finish(reason)
  }

  /**
   * The time limit of a call starts when the previous call is answered: the module processes one call at a
   * time.
   */
  function watch(limitMs: number | undefined, what: string): void {
    clearTimeout(timer)
    if (limitMs === undefined) return
    timer = setTimeout(() => end(lost(path, `${what} took longer than ${limitMs / 1000} s`)), limitMs)
    timer.unref()
  }

  function take(length: number): Buffer | undefined {
    if (size < length) return undefined
    const bytes = received.length === 1 ? received[0]! : Buffer.concat(received)
    received = [bytes.subarray(length)]
    size -= length
    return bytes.subarray(0, length)
  }

  let header: { options: number; length: number } | undefined
  /** Processes the version octet or one whole answer; false if more bytes are needed. */
  function step(): boolean {
    if (version === undefined) {
      const first = take(1)
      if (first === undefined) return false
      version = first[0]!
      if (version > VERSION) throw new ProtocolError(`the server speaks version ${version}`)
      greeted?.()
      return true
    }
    if (header === undefined) {
      const bytes = take(HEADER)
      if (bytes === undefined) return false
      const first = waiting[0]
      if (first === undefined || bytes.readUInt32BE(0) !== first.code)
        throw new ProtocolError('an answer to nothing that was asked')
      header = { options: bytes.readUInt32BE(4), length: bytes.readUInt32BE(8) }
      if (header.options > MAX_OPTIONS || header.length > MAX_ANSWER)
        throw new ProtocolError(`an answer of ${header.options} and ${header.length} octets`)
    }
    const whole = take(header.options + header.length)
    if (whole === undefined) return false
    const { options } = header
    header = undefined
    const one = waiting.shift()!
    watch(waiting[0]?.limitMs, waiting[0]?.name ?? '')
    try {
      one.resolve(readAnswer(one.name, whole.subarray(options)))
    } catch (thrown) {
      one.reject(thrown)
      if (thrown instanceof ProtocolError) throw thrown
    }
    return true
  }

  socket.on('data', (bytes: Buffer) => {
    received.push(bytes)
    size += bytes.length
    try {
      if (waiting.length === 0 && version !== undefined)
        throw new ProtocolError('octets that nobody asked for')
      while (over === undefined && step()) if (size === 0) return
    } catch (thrown) {
      end(lost(path, (thrown as Error).message, thrown))
    }
  })
  socket.once('error', (cause) => end(lost(path, cause.message, cause)))
  socket.once('close', () => end(lost(path, 'the server closed the connection')))

  function send(...calls: Call[]): Promise<Answer>[] {
    if (over !== undefined) return calls.map(() => Promise.reject(over!))
    if (waiting.length + calls.length > MAX_WAITING) {
      const full = new Error('too many calls wait for the token')
      return calls.map(() => Promise.reject(full))
    }
    const idle = waiting.length === 0
    const frames: Buffer[] = []
    const answers = calls.map(({ name, parts, limitMs = LIMIT_MS }) => {
      code = code === 0x7fffffff ? 1 : code + 1
      const own = code
      frames.push(frame(own, writeCall(name, ...parts)))
      return new Promise<Answer>((resolve, reject) => {
        waiting.push({ code: own, name, limitMs, resolve, reject })
      })
    })
    if (idle) watch(waiting[0]?.limitMs, waiting[0]?.name ?? '')
    socket.write(Buffer.concat(frames))
    return answers
  }

  await greet(socket)
  async function greet(to: Socket): Promise<void> {
    watch(connectMs, 'connecting')
    const answered = new Promise<void>((resolve) => {
      greeted = resolve
    })
    to.write(Buffer.of(VERSION))
    await answered
    watch(undefined, '')
    greeted = undefined
    if (over !== undefined) throw over
  }
  try {
    const parts = [put.bytes(Buffer.from(HANDSHAKE)), put.byte(0), put.bytes(Buffer.of(0))]
    const answer = await send({ name: 'C_Initialize', parts })[0]!
    answer.end()
  } catch (thrown) {
    end(thrown as Error)
    throw thrown
  }
  return { version: version!, send, ended, close: () => end(lost(path, 'it was closed')) }
}

/** Frame: number of the call, length of options (always 0), length of the message. */
function frame(code: number, message: Buffer): Buffer {
  const head = Buffer.alloc(HEADER)
  head.writeUInt32BE(code, 0)
  head.writeUInt32BE(message.length, 8)
  return Buffer.concat([head, message])
}

function lost(path: string, why: string, cause?: unknown): ConnectionLost {
  return new ConnectionLost(`${path}: ${why}`, { cause })
}
