/**
 * Asks a running process, by its inspector, what its threads do: the main one and the named ones beside it.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { get } from 'node:http'
import { json } from 'node:stream/consumers'

type Answer = {
  id?: number
  result?: unknown
  error?: { message: string }
  method?: string
  params?: unknown
}
type Send = (method: string, params?: object) => Promise<unknown>

/** A thread that can be asked. */
export type InspectedThread = { name: string; send: Send }

type Inspected = { threads: InspectedThread[]; close(): void }

const WAIT_MS = 100
const MOST_WAITS = 100

/** Turns the inspector of `pid` on, which must have been started with `--inspect-port=0`. Linux only. */
export async function inspect(pid: number): Promise<Inspected> {
  const before = new Set(portsOf(pid))
  process.kill(pid, 'SIGUSR1')
  const url = await address(pid, before)
  const socket = new WebSocket(url)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true })
    socket.addEventListener('error', () => reject(new Error(`no inspector at ${url}`)), { once: true })
  })
  const { send, hear } = sender((text) => socket.send(text))
  const threads: InspectedThread[] = [{ name: 'main', send }]
  const workers = new Map<string, (answer: Answer) => void>()
  socket.addEventListener('message', ({ data }) => {
    const answer = JSON.parse(String(data)) as Answer
    if (answer.method === 'NodeWorker.attachedToWorker') {
      const { sessionId, workerInfo } = answer.params as { sessionId: string; workerInfo: { title: string } }
      const worker = sender((message) => void send('NodeWorker.sendMessageToWorker', { sessionId, message }))
      workers.set(sessionId, worker.hear)
      threads.push({ name: workerInfo.title.replace(/^.*\] /, ''), send: worker.send })
    } else if (answer.method === 'NodeWorker.receivedMessageFromWorker') {
      const { sessionId, message } = answer.params as { sessionId: string; message: string }
      workers.get(sessionId)?.(JSON.parse(message) as Answer)
    } else hear(answer)
  })
  await send('NodeWorker.enable', { waitForDebuggerOnStart: false })
  return { threads, close: () => socket.close() }
}

function sender(write: (text: string) => void): { send: Send; hear(answer: Answer): void } {
  const waiting = new Map<number, { resolve(result: unknown): void; reject(cause: Error): void }>()
  let last = 0
  return {
    send: (method, params = {}) =>
      new Promise((resolve, reject) => {
        waiting.set(++last, { resolve, reject })
        write(JSON.stringify({ id: last, method, params }))
      }),
    hear({ id, result, error }) {
      const one = waiting.get(id ?? 0)
      waiting.delete(id ?? 0)
      if (error === undefined) one?.resolve(result)
      else one?.reject(new Error(error.message))
    },
  }
}

/** The address of the inspector that has just begun to listen, or that listened before. */
async function address(pid: number, before: ReadonlySet<number>): Promise<string> {
  for (let waits = 0; waits < MOST_WAITS; waits++) {
    const ports = portsOf(pid)
    for (const port of [...ports.filter((one) => !before.has(one)), ...ports]) {
      const url = await debuggerAt(port)
      if (url !== undefined) return url
    }
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS))
  }
  throw new Error(`process ${pid} does not turn its inspector on`)
}

function debuggerAt(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = get({ host: '127.0.0.1', port, path: '/json/list', timeout: 1000 }, async (answer) => {
      const list = await json(answer).catch(() => undefined)
      const [first] = Array.isArray(list) ? (list as { webSocketDebuggerUrl?: string }[]) : []
      resolve(first?.webSocketDebuggerUrl)
    })
    // Other listeners of the server are no inspector, and speak TLS.
    asked.on('timeout', () => asked.destroy()).on('error', () => resolve(undefined))
  })
}

/** Ports of 127.0.0.1 on which the process listens. */
function portsOf(pid: number): number[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]
      } catch {
        return undefined
      }
    }),
  )
  const lines = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n').slice(1)
  return lines.flatMap((line) => {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/)
    return state === '0A' && local.startsWith('0100007F:') && inodes.has(inode)
      ? [Number.parseInt(local.slice(9), 16)]
      : []
  })
}
