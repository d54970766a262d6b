/**
 * `concordat bench compare`: this checkout's servers beside those of another one, in turn, on one machine.
 * What is noise of the machine meets both; what is left is in the ratio, with its spread over the rounds.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Agent, request } from 'undici'
import { tallyOf } from '../command-line/tally.ts'
import { CASES, type Case, load } from './cases.ts'
import type { HeldPairs } from './hold-pairs.ts'
import { meanSpent, type Spent, spentEach, spentText, totalOf } from './spending.ts'
import { type Spread, spreadOf, spreadText } from './spread.ts'

const USAGE = `Usage: concordat bench compare <folder of another checkout> [--case "1 KB"] [--rounds N] [--seconds N] [--connections N] [--scrape SECONDS] [--json]

Starts two security servers of each checkout, loads them in turn, and prints this one's figures divided by the other's: the median of the
rounds, and the smallest and largest of them. Processor time says more than the rate on a machine that does other work.

With --scrape the metrics of this one's servers are fetched so often meanwhile, as Prometheus does, and nobody fetches those of the other: with this same
checkout as the other one the ratio is what monitoring adds.
`

type Side = HeldPairs & {
  child: ChildProcess
  /** How often its metrics are fetched under load; never when undefined. */
  scrapeMs?: number | undefined
}
type Round = { perSecond: number; p50Ms: number; spent: Spent }

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '4' },
      rounds: { type: 'string', default: '5' },
      connections: { type: 'string', default: '32' },
      case: { type: 'string', default: 'GET 1' },
      scrape: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [seconds, rounds, connections] = [values.seconds, values.rounds, values.connections].map(Number)
  const [other] = positionals
  const scrapeMs = values.scrape === undefined ? undefined : Number(values.scrape) * 1000
  const isWrong = !(seconds! > 0) || !(rounds! >= 1) || !(connections! >= 1) || !((scrapeMs ?? 1) > 0)
  if (values.help || other === undefined || isWrong) {
    ;(values.help ? process.stdout : process.stderr).write(USAGE)
    return values.help ? 0 : 2
  }
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-compare-'))
  const sides: Side[] = []
  try {
    const here = new URL('../..', import.meta.url).pathname
    for (const [i, root] of [here, path.resolve(other)].entries())
      sides.push(await start(root, path.join(directory, String(i)), `127.${92 + i}.1`))
    const [own, before] = sides as [Side, Side]
    process.stdout.write(
      'case                   this/s   other/s   rate of the other (spread)   processor time (spread)\n',
    )
    for (const one of CASES.filter(({ name }) => name.includes(values.case))) {
      const settings = { seconds: seconds!, rounds: rounds!, connections: connections! }
      const row = await compare(one, { ...own, scrapeMs }, before, settings)
      process.stdout.write(values.json ? `${JSON.stringify(row)}\n` : textOf(row))
    }
    return 0
  } catch (cause) {
    process.stderr.write(`The bench failed: ${(cause as Error).message}\n`)
    return 1
  } finally {
    await Promise.all(sides.map(({ child }) => end(child)))
    rmSync(directory, { recursive: true, force: true })
  }
}

function start(root: string, directory: string, network: string): Promise<Side> {
  const file = new URL('hold-pairs.ts', import.meta.url).pathname
  const child = fork(file, [JSON.stringify({ root, directory, network })])
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve({ child, ...(message as { held: HeldPairs }).held }))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the servers of ${root} ended with ${code}`)))
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

async function compare(
  one: Case,
  own: Side,
  other: Side,
  o: { seconds: number; rounds: number; connections: number },
) {
  const tally = tallyOf({ what: one.name, unit: 'rounds', total: o.rounds })
  const pairs: { own: Round; other: Round }[] = []
  // Nothing is kept of the first round, in which what is frequent is compiled.
  for (let round = -1; round < o.rounds; round++) {
    tally.at(Math.max(round, 0))
    // The order changes from round to round, so that a machine that slows down meets both.
    const first = await measure(one, round % 2 === 0 ? own : other, o)
    const second = await measure(one, round % 2 === 0 ? other : own, o)
    if (round >= 0)
      pairs.push(round % 2 === 0 ? { own: first, other: second } : { own: second, other: first })
  }
  tally.end()
  const ratio = (of: (round: Round) => number): Spread =>
    spreadOf(pairs.map((pair) => of(pair.own) / of(pair.other)))
  return {
    case: one.name,
    own: meanOf(pairs.map((pair) => pair.own)),
    other: meanOf(pairs.map((pair) => pair.other)),
    rate: ratio(({ perSecond }) => perSecond),
    p50: ratio(({ p50Ms }) => p50Ms),
    processor: ratio(({ spent }) => totalOf(spent)),
  }
}

async function measure(one: Case, side: Side, o: { seconds: number; connections: number }): Promise<Round> {
  let result: Awaited<ReturnType<typeof load>> | undefined
  const stop = scrape(side)
  const spent = await spentEach(side.serverPids, async () => {
    result = await load(one, side.pair, o.seconds, o.connections)
    return result.requests
  })
  await stop()
  return { perSecond: result!.perSecond, p50Ms: result!.p50Ms, spent }
}

/**
 * Fetches the metrics of both servers again and again; the returned function ends it, and throws what failed.
 */
function scrape({ metricsUrls, scrapeMs }: Side): () => Promise<void> {
  if (scrapeMs === undefined) return async () => undefined
  const ending = new AbortController()
  const { signal } = ending
  const dispatcher = new Agent()
  const repeat = async (): Promise<void> => {
    while (!signal.aborted) {
      for (const url of metricsUrls) {
        const { statusCode, body } = await request(url, { dispatcher })
        if (!(await body.text()).includes('concordat_exchange_seconds'))
          throw new Error(`${url} answered ${statusCode} without metrics of exchanges`)
      }
      await wait(scrapeMs, undefined, { signal }).catch(() => undefined)
    }
  }
  const repeating = repeat().finally(() => dispatcher.close())
  // Whoever ends it hears of it.
  repeating.catch(() => undefined)
  return () => {
    ending.abort()
    return repeating
  }
}

function meanOf(rounds: Round[]): Round {
  const mean = (of: (round: Round) => number): number =>
    rounds.reduce((sum, round) => sum + of(round), 0) / rounds.length
  return {
    perSecond: mean(({ perSecond }) => perSecond),
    p50Ms: mean(({ p50Ms }) => p50Ms),
    spent: meanSpent(rounds.map(({ spent }) => spent)),
  }
}

function textOf({ case: name, own, other, rate, processor }: Awaited<ReturnType<typeof compare>>): string {
  const line = `${name.padEnd(21)}${own.perSecond.toFixed(0).padStart(8)}${other.perSecond.toFixed(0).padStart(10)}${spreadText(rate).padStart(29)}${spreadText(processor).padStart(26)}\n`
  // Both servers of a pair take nearly the same.
  return `${line}  µs an exchange and server: this ${spentText(own.spent, 2)}; the other ${spentText(other.spent, 2)}\n`
}
