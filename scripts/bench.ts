/**
 * `concordat bench exchange`: exchanges per second of two security servers, compared with the bare pair, in alternating rounds of
 * one run. `concordat bench log` measures a large message log (bench/log.ts), `concordat bench backlog` the recovery after an
 * outage of the time-stamping authority, `concordat bench portal` the citizens' portal, `concordat bench registry` a large registry (bench/registry.ts), `concordat bench adapter`
 * the SQL adapter beside a service written by hand, `concordat bench consents` the check of a consent, `concordat bench deliveries`
 * one-way messages beside exchanges, `concordat bench large` bodies larger than memory, `concordat bench signature`
 * the verification of one signature, `concordat bench tracker` what it takes to tell people who used their data.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { CASES, type Case, load } from './bench/cases.ts'
import { type LoadResult, residentMb } from './bench/measure.ts'
import { type Pairs, startPairs } from './bench/pairs.ts'
import { profileCase } from './bench/profile.ts'
import { meanSpent, type Spent, spentEach, spentText } from './bench/spending.ts'
import { tallyOf } from './command-line/tally.ts'

const USAGE = `Usage: concordat bench exchange [--seconds N] [--connections N] [--network 127.88.1] [--case "1 KB"] [--profile FOLDER] [--json]
       concordat bench compare --help
       concordat bench adapter --help
       concordat bench consents --help
       concordat bench deliveries --help
       concordat bench large --help
       concordat bench log --help
       concordat bench backlog --help
       concordat bench portal --help
       concordat bench registry --help
       concordat bench signature --help
       concordat bench tracker --help

Two security servers with signing and durable logging, a provider and a load generator on this machine; in the same run,
turn by turn, the bare pair: the same request through two mutual-TLS proxies of the same fastify and undici, which neither
sign nor log. --case measures only cases with this text in their names. --profile adds rounds for each case that say what an exchange
allocates and which system calls it makes, and writes a flame graph of each thread into this folder. With --json the last line is one
object.
`

type Measured = {
  case: string
  exchangesPerSecond: number
  barePairPerSecond: number
  ratio: number
  p50Ms: number
  p99Ms: number
  memoryMb: number | null
  /** Processor time of both servers for an exchange, in microseconds by thread. */
  spent: Spent
}

const ROUNDS = 3
/**
 * Servers run for months, so both pairs are measured after the compiler has optimised the frequent code. They warm up with the
 * same number of answers; with the same time, the slower pair would be less optimised.
 */
const SETTLE_ANSWERS = 20_000
const SETTLE_MAX_SECONDS = 30

export async function run(args: string[]): Promise<number> {
  if (args[0] === 'adapter') return (await import('./bench/adapter.ts')).run(args.slice(1))
  if (args[0] === 'backlog') return (await import('./bench/log/backlog.ts')).run(args.slice(1))
  if (args[0] === 'compare') return (await import('./bench/compare.ts')).run(args.slice(1))
  if (args[0] === 'consents') return (await import('./bench/consents.ts')).run(args.slice(1))
  if (args[0] === 'deliveries') return (await import('./bench/deliveries.ts')).run(args.slice(1))
  if (args[0] === 'large') return (await import('./bench/large.ts')).run(args.slice(1))
  if (args[0] === 'log') return (await import('./bench/log.ts')).run(args.slice(1))
  if (args[0] === 'portal') return (await import('./bench/portal.ts')).run(args.slice(1))
  if (args[0] === 'registry') return (await import('./bench/registry.ts')).run(args.slice(1))
  if (args[0] === 'tracker') return (await import('./bench/tracker.ts')).run(args.slice(1))
  if (args[0] === 'signature') return (await import('./bench/signature.ts')).run(args.slice(1))
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '5' },
      connections: { type: 'string', default: '32' },
      network: { type: 'string', default: '127.88.1' },
      case: { type: 'string', default: '' },
      profile: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [seconds, connections] = [Number(values.seconds), Number(values.connections)]
  if (
    values.help ||
    positionals[0] !== 'exchange' ||
    !(seconds > 0 && seconds <= 600) ||
    !(connections >= 1 && connections <= 256)
  ) {
    process.stderr.write(USAGE)
    return values.help ? 0 : 2
  }
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-bench-'))
  let pairs: Pairs | undefined
  try {
    pairs = await startPairs(directory, values.network)
    await settle(pairs, seconds, connections)
    const measured: Measured[] = []
    const cases = CASES.filter(({ name }) => name.includes(values.case))
    const rounds = tallyOf({ what: 'measuring', unit: 'rounds', total: cases.length * ROUNDS })
    say('case                   exchanges/s   bare pair/s   ratio    p50 ms    p99 ms   memory MB')
    for (const one of cases) {
      const onRound = (round: number): void => rounds.at(measured.length * ROUNDS + round)
      const row = await measure(one, pairs, { seconds, connections, onRound })
      measured.push(row)
      rounds.end()
      say(line(row))
      say(`  processor time an exchange and server, µs: ${spentText(row.spent, pairs.serverPids.length)}`)
      if (values.profile !== undefined)
        for (const text of await profileCase(one, pairs, { folder: values.profile, seconds, connections }))
          say(`  ${text}`)
    }
    if (values.json) say(JSON.stringify({ ...withoutName(measured[0]!), cases: measured }))
    return 0
  } catch (cause) {
    process.stderr.write(`The bench failed: ${(cause as Error).message}\n`)
    return 1
  } finally {
    await pairs?.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function settle(pairs: Pairs, seconds: number, connections: number): Promise<void> {
  for (const pair of [pairs.bare, pairs.concordat])
    for (const one of CASES.slice(0, 2)) {
      let answered = 0
      for (let spent = 0; answered < SETTLE_ANSWERS && spent < SETTLE_MAX_SECONDS; spent += seconds)
        answered += seconds * (await load(one, pair, seconds, connections)).perSecond
    }
}

/** Measures both pairs in alternating rounds. Returns the mean of the rounds and the largest memory of the two servers. */
async function measure(
  one: Case,
  pairs: Pairs,
  { seconds, connections, onRound }: { seconds: number; connections: number; onRound(round: number): void },
): Promise<Measured> {
  const concordat: LoadResult[] = []
  const bare: LoadResult[] = []
  const spent: Spent[] = []
  let memoryMb = 0
  for (let round = 0; round < ROUNDS; round++) {
    onRound(round)
    bare.push(await load(one, pairs.bare, seconds, connections))
    spent.push(
      await spentEach(pairs.serverPids, async () => {
        concordat.push(await load(one, pairs.concordat, seconds, connections))
        return concordat.at(-1)!.requests
      }),
    )
    memoryMb = Math.max(memoryMb, ...pairs.serverPids.map((pid) => residentMb(pid) ?? 0))
  }
  const [real, base] = [
    mean(concordat.map((result) => result.perSecond)),
    mean(bare.map((result) => result.perSecond)),
  ]
  return {
    case: one.name,
    exchangesPerSecond: round1(real),
    barePairPerSecond: round1(base),
    ratio: Math.round((real / base) * 1000) / 1000,
    p50Ms: round1(mean(concordat.map((result) => result.p50Ms))),
    p99Ms: round1(mean(concordat.map((result) => result.p99Ms))),
    memoryMb: memoryMb === 0 ? null : Math.round(memoryMb),
    spent: meanSpent(spent),
  }
}

function line(row: Measured): string {
  const cells = [
    row.exchangesPerSecond,
    row.barePairPerSecond,
    row.ratio,
    row.p50Ms,
    row.p99Ms,
    row.memoryMb ?? '?',
  ]
  const widths = [11, 14, 8, 10, 10, 12]
  return `${row.case.padEnd(21)}${cells.map((cell, i) => String(cell).padStart(widths[i]!)).join('')}`
}

function withoutName({ case: _name, ...figures }: Measured): Omit<Measured, 'case'> {
  return figures
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function round1(value: number): number {
  return Math.round(value * 10) / 10
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
