/**
 * An information system that sends requests without a pause and keeps a ledger on disk: an id is written when
 * the last byte of its answer has come. It sends no request twice.
 */
import { open } from 'node:fs/promises'
import https from 'node:https'
import path from 'node:path'
import type { Instance } from '../processes.ts'
import { takeTime } from '../take-time.ts'
import type { Reply, ServerName } from '../world.ts'

export type Load = {
  /** Ids that were answered with 200. */
  acknowledged: Set<string>
  /** The number of other results, by their code: 'ECONNRESET', 'server.clientproxy.network_error'. */
  failures: Map<string, number>
  sent(): number
  /** Resolves at the next acknowledged answer to a request that is sent after this call. */
  nextAnswer(): Promise<void>
  /** Resolves when this many more were acknowledged. */
  answers(count: number): Promise<void>
  /** Waits for the requests under way. */
  stop(): Promise<void>
}

type LoadSettings = {
  instance: Instance
  service: string
  keepAlive: boolean
  /** Eight unless it says otherwise. */
  workers?: number
  /**
   * What is sent with the request of this number, in a POST; its service has to answer with the same octets.
   */
  bodyOf?: (number: number) => Buffer | undefined
}

/** The result of an answer with other octets than were sent. */
export const OTHER_OCTETS = 'other octets'

const FROM: ServerName = 'tax'
/**
 * This many workers at once, each with at most one request in this time: eight under way at a fault are what
 * is to be shown, and each exchange is 40 ms of a processor, also those that only wait for a server to start.
 */
const WORKERS = 8
const PACE_MS = 800
/**
 * After a failure. Servers that are away for seconds would otherwise get thousands of requests that fail, and
 * their logs as many records, which every check reads again.
 */
const REST_MS = 400

export async function startLoad(q: LoadSettings): Promise<Load> {
  const { instance, workers = WORKERS } = q
  const ledger = await open(path.join(instance.directory, 'ledger'), 'a')
  const agent = new https.Agent({ keepAlive: q.keepAlive, maxSockets: workers })
  const acknowledged = new Set<string>()
  const failures = new Map<string, number>()
  const run = `load-${process.hrtime.bigint().toString(36)}`
  let sent = 0
  let stopping = false
  let counting: { at: number; resolve(): void }[] = []
  let waiting: { from: number; resolve(): void }[] = []

  /** Returns how long the worker rests. */
  const ask = async (number: number): Promise<number> => {
    const id = `${run}-${number}`
    const headers = { 'X-Road-Client': instance.servers[FROM].client, 'X-Road-Id': id }
    const body = q.bodyOf?.(number)
    const question = { headers, agent, ...(body !== undefined && { method: 'POST', body }) }
    const failed = await instance
      .ask(FROM, q.service, question)
      .then((reply) => failureOf(reply, body), codeOf)
    if (failed !== undefined) {
      failures.set(failed, (failures.get(failed) ?? 0) + 1)
      return REST_MS
    }
    await ledger.appendFile(`${id}\n`)
    await ledger.datasync()
    acknowledged.add(id)
    for (const one of counting.filter(({ at }) => at <= acknowledged.size)) one.resolve()
    counting = counting.filter(({ at }) => at > acknowledged.size)
    for (const one of waiting.filter((each) => each.from <= number)) one.resolve()
    waiting = waiting.filter((each) => each.from > number)
    return 0
  }
  const work = async (): Promise<void> => {
    while (!stopping) {
      const [restMs] = await Promise.all([ask(sent++), takeTime('the pace of asking', PACE_MS)])
      await takeTime('the pace of asking, slower after a failure', restMs)
    }
  }
  const working = Array.from({ length: workers }, work)
  return {
    acknowledged,
    failures,
    sent: () => sent,
    nextAnswer: () => new Promise((resolve) => waiting.push({ from: sent, resolve })),
    answers: (count) => new Promise((resolve) => counting.push({ at: acknowledged.size + count, resolve })),
    async stop() {
      stopping = true
      await Promise.all(working)
      agent.destroy()
      await ledger.close()
    },
  }
}

function failureOf(reply: Reply, sent: Buffer | undefined): string | undefined {
  if (reply.status !== 200) return reply.headers['x-road-error'] ?? `HTTP ${reply.status}`
  return sent === undefined || sent.equals(reply.body) ? undefined : OTHER_OCTETS
}

/** 'not connected' when the request cannot have been sent, however the connection ended. */
function codeOf(thrown: unknown): string {
  const { code, connected } = thrown as { code?: string; connected?: boolean }
  return connected === false ? 'not connected' : (code ?? String(thrown))
}
