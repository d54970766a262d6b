/**
 * `concordat bench deliveries`: one-way messages a second from the hand-over to the verified receipt that
 * their receiver consumed them, beside exchanges of the same size between the same two servers, turn by turn
 * in one run.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Pool } from 'undici'
import { tallyOf } from '../command-line/tally.ts'
import { SERVER_PORTS, subsystemText } from '../sandbox/layout.ts'
import { runLoad } from './measure.ts'
import { INBOX, type Pairs, startPairs } from './pairs.ts'

const USAGE = `Usage: concordat bench deliveries [--seconds N] [--connections N] [--network 127.88.4] [--json]

Events of 1 KB, handed over for N seconds while the receiving system fetches and acknowledges them, until the sending server has verified the
last receipt; and POST of 1 KB between the same servers, turn by turn. Neither has a partition key: each message is a lane of its own.
`
const ROUNDS = 3
const WARM_UP_SECONDS = 3
const KB = 1024
const FETCHERS = 4
const AT_ONCE = 100

/** Exit code 0, 1 when it failed, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '5' },
      connections: { type: 'string', default: '32' },
      network: { type: 'string', default: '127.88.4' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [seconds, connections] = [Number(values.seconds), Number(values.connections)]
  if (values.help || !(seconds > 0 && seconds <= 600) || !(connections >= 1 && connections <= 256)) {
    ;(values.help ? process.stdout : process.stderr).write(USAGE)
    return values.help ? 0 : 2
  }
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-bench-'))
  let pairs: Pairs | undefined
  try {
    pairs = await startPairs(directory, values.network)
    const exchanges: number[] = []
    const deliveries: number[] = []
    // Servers run for months: both ways are compiled before they are measured.
    await deliver(pairs, { seconds: WARM_UP_SECONDS, connections, round: 0 })
    process.stdout.write('round   exchanges/s   handed over/s   consumed/s   ratio\n')
    const tally = tallyOf({ what: 'measuring', unit: 'rounds', total: ROUNDS })
    for (let round = 1; round <= ROUNDS; round++) {
      tally.at(round - 1)
      const load = { ...pairs.concordat, method: 'POST', path: `${pairs.concordat.prefix}/take` } as const
      const { perSecond } = await runLoad({
        ...{
          ...load,
          envelope: undefined,
          bodyBytes: KB,
          connections,
          seconds,
          warmUpSeconds: WARM_UP_SECONDS,
        },
      })
      const { handedOver, consumed } = await deliver(pairs, { seconds, connections, round })
      exchanges.push(perSecond)
      deliveries.push(consumed)
      tally.end()
      const figures = [perSecond.toFixed(0), handedOver.toFixed(0), consumed.toFixed(0)]
      const widths = [14, 16, 13]
      const row = figures.map((figure, i) => figure.padStart(widths[i]!)).join('')
      process.stdout.write(
        `${String(round).padEnd(5)}${row}${(consumed / perSecond).toFixed(3).padStart(8)}\n`,
      )
    }
    const result = { exchangesPerSecond: mean(exchanges), deliveriesPerSecond: mean(deliveries) }
    const ratio = result.deliveriesPerSecond / result.exchangesPerSecond
    process.stdout.write(`mean ratio ${ratio.toFixed(3)}\n`)
    if (values.json) process.stdout.write(`${JSON.stringify({ ...result, ratio })}\n`)
    return 0
  } catch (cause) {
    process.stderr.write(`The bench failed: ${(cause as Error).message}\n`)
    return 1
  } finally {
    await pairs?.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Events a second that were handed over, and that were consumed by the time of the last receipt. */
async function deliver(
  { instance }: Pairs,
  q: { seconds: number; connections: number; round: number },
): Promise<{ handedOver: number; consumed: number }> {
  const { layout, servers } = instance
  const { tax, population } = layout.agencies
  const inbox = `${subsystemText(layout, population)}/${INBOX}`
  const sender = systemOf(tax.address, subsystemText(layout, tax), q.connections)
  const receiver = systemOf(population.address, subsystemText(layout, population), q.connections)
  const began = performance.now()
  const until = began + q.seconds * 1000
  let handed = 0
  let fetched = 0
  let isOver = false
  const handOver = async (): Promise<void> => {
    while (performance.now() < until) {
      const id = `${q.round}-${++handed}`
      await sender.ask('POST', `/deliveries/v1/${inbox}`, JSON.stringify({ ...EVENT, id }))
    }
  }
  const fetch = async (): Promise<void> => {
    while (!isOver || fetched < handed) {
      const { events } = (await receiver.ask('GET', `/deliveries/v1/inbox/${inbox}?limit=${AT_ONCE}`)) as {
        events: { id: string }[]
      }
      await Promise.all(
        events.map(({ id }) => receiver.ask('POST', `/deliveries/v1/inbox/${inbox}/${id}/acknowledgement`)),
      )
      fetched += events.length
      if (events.length === 0) await wait(20)
    }
  }
  const fetching = Promise.all(Array.from({ length: FETCHERS }, fetch))
  await Promise.all(Array.from({ length: q.connections }, handOver))
  const handedOver = handed / ((performance.now() - began) / 1000)
  isOver = true
  await fetching
  const outbox = servers[tax.key]!
  // The receipts come by themselves; the server is asked rarely, so that it has the time to take them.
  while (await isOpen(outbox)) await wait(100)
  const consumed = handed / ((performance.now() - began) / 1000)
  await Promise.all([sender.close(), receiver.close()])
  return { handedOver, consumed }
}

async function isOpen(outbox: { get<T>(path: string): Promise<T> }): Promise<boolean> {
  const { counts } = await outbox.get<{ counts: Record<string, number> }>('/deliveries?box=outbox&limit=1')
  if (counts['dead']! > 0) throw new Error('a message went to the dead letters')
  return counts['waiting']! + counts['delivered']! > 0
}

const EVENT = {
  ...{ specversion: '1.0', source: '/bench', type: 'org.example.bench', datacontenttype: 'application/json' },
  data: { text: 'concordat '.repeat(90) },
}

/** By plain HTTP, as the load generator of exchanges. */
function systemOf(address: string, client: string, connections: number) {
  const pool = new Pool(`http://${address}:${SERVER_PORTS.http}`, { connections, pipelining: 1 })
  const headers = { 'x-road-client': client }
  return {
    async ask(method: 'GET' | 'POST', where: string, event?: string): Promise<unknown> {
      const reply = await pool.request({
        ...{ method, path: where, body: event ?? null },
        headers: {
          ...headers,
          ...(event !== undefined && { 'content-type': 'application/cloudevents+json' }),
        },
      })
      const text = await reply.body.text()
      if (reply.statusCode >= 300) throw new Error(`${where}: ${reply.statusCode} ${text.slice(0, 300)}`)
      return JSON.parse(text)
    },
    close: () => pool.close(),
  }
}

function mean(values: number[]): number {
  return values.reduce((sum, one) => sum + one, 0) / values.length
}
