/**
 * The load generator: a fixed number of connections for a limited time; it sends its result to its parent
 * process. When the load does not end within its bound, the result says which requests wait for what.
 */
import { Pool } from 'undici'
import { type LoadOrder, type LoadResult, MESSAGE_ID } from './measure.ts'

const order = JSON.parse(process.argv[2] ?? '{}') as LoadOrder
const pool = new Pool(order.url, { connections: order.connections, pipelining: 1 })
const { type, next } = contentOf(order)
const headers = { ...order.headers, ...(type === undefined ? {} : { 'content-type': type }) }

const latencies: number[] = []
let done = 0
let requests = 0
let measuring = false
let stopping = false
let failure: string | undefined
/**
 * The requests under way: since when, and how much of the answer's body has come; nothing before its head.
 */
const underWay = new Set<{ since: number; bytes?: number }>()
const overdue = new AbortController()

/**
 * `next` is the content of one request: each SOAP message has an id of its own, as those of information
 * systems have.
 */
function contentOf({ method, bodyBytes, envelope }: LoadOrder): { type?: string; next(): Buffer | null } {
  if (method === 'GET') return { next: () => null }
  const bytes = Buffer.alloc(bodyBytes, 'concordat ')
  if (envelope === undefined) return { type: 'application/octet-stream', next: () => bytes }
  const [before = '', after = ''] = envelope.split(MESSAGE_ID)
  let number = 0
  const message = (): string => `${before}${++number}${after}`
  if (bodyBytes === 0) return { type: 'text/xml; charset=utf-8', next: () => Buffer.from(message()) }
  const attached = Buffer.concat([
    Buffer.from('\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n'),
    bytes,
    Buffer.from('\r\n--b--\r\n'),
  ])
  const head = '--b\r\nContent-Type: text/xml; charset=utf-8\r\n\r\n'
  return {
    type: 'multipart/related; type="text/xml"; boundary=b',
    next: () => Buffer.concat([Buffer.from(`${head}${message()}`), attached]),
  }
}

async function exchangeOnce(): Promise<void> {
  const began = performance.now()
  const one: { since: number; bytes?: number } = { since: began }
  underWay.add(one)
  const { method, path } = order
  const reply = await pool.request({ method, path, headers, body: next(), signal: overdue.signal })
  if (reply.statusCode !== 200) {
    failure ??= `${reply.statusCode} ${(await reply.body.text()).slice(0, 300)}`
    stopping = true
    return
  }
  one.bytes = 0
  for await (const chunk of reply.body) one.bytes += (chunk as Buffer).length
  underWay.delete(one)
  requests++
  if (!measuring) return
  done++
  latencies.push(performance.now() - began)
}

async function worker(): Promise<void> {
  while (!stopping) await exchangeOnce()
}

async function wait(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
}

function giveUp(): void {
  failure ??= `it did not end within ${order.mostSeconds} s, ${requests} answered: ${whatWaits()}`
  stopping = true
  overdue.abort()
}

function whatWaits(): string {
  const all = [...underWay].sort((one, other) => one.since - other.since)
  const age = (one: { since: number }): string => `${((performance.now() - one.since) / 1000).toFixed(0)} s`
  const heads = all.filter(({ bytes }) => bytes === undefined)
  const bodies = all.filter(({ bytes }) => bytes !== undefined)
  const said = [
    ...(heads[0] === undefined
      ? []
      : [`${heads.length} wait for the head of their answer, the first for ${age(heads[0])}`]),
    ...(bodies[0] === undefined
      ? []
      : [
          `${bodies.length} for the rest of it, the first with ${bodies[0].bytes} bytes after ${age(bodies[0])}`,
        ]),
  ]
  return `of ${all.length} requests under way ${said.join(', ')}`
}

const late = setTimeout(giveUp, order.mostSeconds * 1000)
const warmUpEnds = performance.now() + (order.warmUpMostSeconds ?? order.mostSeconds) * 1000
try {
  const workers = Promise.all(Array.from({ length: order.connections }, worker))
  await Promise.race([wait(order.warmUpSeconds), workers])
  while (requests < (order.warmUpRequests ?? 0) && !stopping && performance.now() < warmUpEnds)
    await wait(0.05)
  measuring = true
  const began = performance.now()
  await Promise.race([wait(order.seconds), workers])
  stopping = true
  // Exchanges under way still count, with their time, because a large body may take longer than the whole
  // run.
  await workers
  const seconds = (performance.now() - began) / 1000
  latencies.sort((a, b) => a - b)
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
  const result: LoadResult = { perSecond: done / seconds, requests, p50Ms: at(0.5), p99Ms: at(0.99), failure }
  process.send?.({ ready: true, result })
} catch (cause) {
  process.send?.({
    ready: true,
    result: { perSecond: 0, requests, p50Ms: 0, p99Ms: 0, failure: failure ?? String(cause) },
  })
}
clearTimeout(late)
await pool.destroy()
process.disconnect?.()
