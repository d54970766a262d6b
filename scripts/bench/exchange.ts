/**
 * `concordat bench exchange`: exchanges per second of two security servers beside the bare pair, turn by turn
 * in one run.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { measureBeside } from './beside.ts'
import { CASES, type Case, load, SIZES } from './cases.ts'
import { type Measured, measureCase } from './measure-case.ts'
import { type Pairs, startPairs } from './pairs.ts'
import { profileCase } from './profile.ts'
import { sayCases } from './say-cases.ts'
import { spentText } from './spending.ts'

const USAGE = `Usage: concordat bench exchange [--seconds N] [--connections N] [--case "1 KB" | --beside] [--profile FOLDER] [--json]
                                [--postgresql postgres://user@localhost/?host=FOLDER] [--network 127.88.1]
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
sign nor log. Within three minutes it measures answers of 1 KB to 100 MB over 1 to 128 connections.

  --case        in place of that: the cases with this text in their names, in three rounds over 32 connections; "" for all, also POST, SOAP,
                and JSON that is held against a description
  --beside      in place of that: SOAP of 1 KB beside REST, an attachment of 10 MB beside a body, JSON that is held against a description and cut
                to the fields of a contract beside plain JSON; each at the same two servers, five rounds in turns, with the ratio
  --seconds     of each load, by default 1, with --case and --beside 5
  --connections this number alone
  --postgresql  the security servers keep their databases there, each in one of its own that is dropped at the end; SQLite otherwise
  --profile     adds rounds for each case that say what an exchange allocates and which system calls it makes, and writes a flame graph of
                each thread into this folder; for the cases of --case
  --json        the last line is one object

Exit code 1 when a case failed or did not end; its line says why.
`
/** The main table: as many connections for each size, unless more bytes than that would be under way. */
const CONNECTIONS = [1, 8, 32, 128]
const MOST_UNDER_WAY = 1024 ** 3
/** All of it, the start included; and one load of a case in it. */
const TABLE_SECONDS = 180
const LOAD_SECONDS = 25
const ROUNDS = 3
/**
 * Servers run for months, so both pairs are measured after the compiler has optimised the frequent code. They
 * warm up with the same number of answers; with the same time, the slower pair would be less optimised. On a
 * slow machine the time ends it.
 */
const SETTLE_ANSWERS = 20_000
const SETTLE_SECONDS = { table: 12, cases: 30 }
const SETTLE_LOAD = { warmUpSeconds: 0, warmUpRequests: SETTLE_ANSWERS }

/**
 * A size runs code that the sizes before it did not: before its first load the compiler has this long with
 * each pair.
 */
const NEW_SIZE_SECONDS = 3
const SAME_SIZE_SECONDS = 0.3

type Planned = { one: Case; connections: number; warmUpSeconds?: number; tooMuch?: boolean }
type Row = Measured | { case: string; connections: number; failure: string }
type Order = { isTable: boolean; seconds: number; profile: string | undefined; began: number }

/** Exit code 0, 1 when a case failed, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      seconds: { type: 'string' },
      connections: { type: 'string' },
      network: { type: 'string', default: '127.88.1' },
      case: { type: 'string' },
      beside: { type: 'boolean', default: false },
      postgresql: { type: 'string' },
      profile: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const { network, postgresql, profile } = values
  const isTable = values.case === undefined && profile === undefined && !values.beside
  const seconds = Number(values.seconds ?? (isTable ? 1 : 5))
  const connections = values.connections === undefined ? [] : [Number(values.connections)]
  const isRight =
    positionals[0] === 'exchange' &&
    seconds > 0 &&
    seconds <= 600 &&
    connections.every((one) => one >= 1 && one <= 256) &&
    !(values.beside && (values.case ?? profile ?? values.connections) !== undefined) &&
    (postgresql === undefined || URL.canParse(postgresql))
  if (values.help || !isRight) {
    ;(values.help ? process.stdout : process.stderr).write(USAGE)
    return values.help ? 0 : 2
  }
  const planned = isTable ? tableOf(connections) : casesOf(values.case ?? '', connections)
  if (planned.length === 0) {
    const names = CASES.map((one) => one.name).join('; ')
    process.stderr.write(`No case has "${values.case}" in its name. The cases: ${names}\n`)
    return 2
  }
  const began = performance.now()
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-bench-'))
  let pairs: Pairs | undefined
  try {
    const said = sayCases((values.beside ? 0 : planned.length) + 2)
    said.begin('the start of two servers and the bare pair')
    pairs = await startPairs(directory, network, postgresql)
    said.end()
    said.begin('warming up')
    await settle(pairs, isTable)
    said.end()
    if (values.beside) {
      const rows = await measureBeside(pairs, { seconds, say })
      if (values.json) say(JSON.stringify({ cases: rows }))
      return 0
    }
    const rows = await measureAll(planned, pairs, said, { isTable, seconds, profile, began })
    if (values.json) say(JSON.stringify({ cases: rows }))
    return rows.some((row) => 'failure' in row) ? 1 : 0
  } catch (cause) {
    process.stderr.write(`The bench failed: ${(cause as Error).message}\n`)
    return 1
  } finally {
    await pairs?.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

function tableOf(only: number[]): Planned[] {
  const all = only.length === 0 ? CONNECTIONS : only
  return SIZES.flatMap((one) =>
    all.map((connections, i) => ({
      ...{ one, connections, warmUpSeconds: i === 0 ? NEW_SIZE_SECONDS : SAME_SIZE_SECONDS },
      tooMuch: connections * one.answerBytes > MOST_UNDER_WAY,
    })),
  )
}

function casesOf(name: string, [connections = 32]: number[]): Planned[] {
  return CASES.filter((one) => one.name.includes(name)).map((one) => ({ one, connections }))
}

async function settle(pairs: Pairs, isTable: boolean): Promise<void> {
  const warmUpMostSeconds = SETTLE_SECONDS[isTable ? 'table' : 'cases']
  for (const pair of [pairs.bare, pairs.concordat])
    for (const one of CASES.slice(0, isTable ? 1 : 2))
      await load(one, pair, 0.1, 32, { ...SETTLE_LOAD, warmUpMostSeconds })
}

/** A case that fails or does not end is a row that says so; the others are measured all the same. */
async function measureAll(
  planned: Planned[],
  pairs: Pairs,
  said: ReturnType<typeof sayCases>,
  order: Order,
): Promise<Row[]> {
  say('case                  connections  exchanges/s  bare pair/s   ratio    p50 ms    p99 ms  memory MB')
  const rows: Row[] = []
  for (const { one, connections, warmUpSeconds, tooMuch = false } of planned) {
    const left = TABLE_SECONDS - (performance.now() - order.began) / 1000
    const notNow = tooMuch
      ? 'more than 1 GiB would be under way'
      : order.isTable && left < 4 * order.seconds
        ? 'three minutes are over'
        : undefined
    if (notNow !== undefined) {
      say(`${head(one.name, connections)}  not measured: ${notNow}`)
      continue
    }
    said.begin(`${one.name}, connections: ${connections}`)
    const bounds = order.isTable
      ? { rounds: 1, warmUpSeconds, mostSeconds: Math.floor(Math.min(LOAD_SECONDS, left / 2)) }
      : { rounds: ROUNDS }
    const row = await measureCase(one, pairs, { ...bounds, connections, seconds: order.seconds }).catch(
      (cause: Error): Row => ({ case: one.name, connections, failure: cause.message }),
    )
    said.end()
    rows.push(row)
    say(line(row))
    if ('failure' in row) continue
    say(`  processor time an exchange and server, µs: ${spentText(row.spent, pairs.serverPids.length)}`)
    if (order.profile === undefined) continue
    const settings = { folder: order.profile, seconds: order.seconds, connections }
    for (const text of await profileCase(one, pairs, settings)) say(`  ${text}`)
  }
  return rows
}

function line(row: Row): string {
  if ('failure' in row) return `${head(row.case, row.connections)}  failed: ${row.failure}`
  const { exchangesPerSecond, barePairPerSecond, ratio, p50Ms, p99Ms, memoryMb } = row
  const cells = [exchangesPerSecond, barePairPerSecond, ratio, p50Ms, p99Ms, memoryMb ?? '?']
  const widths = [13, 13, 8, 10, 10, 11]
  return `${head(row.case, row.connections)}${cells.map((cell, i) => String(cell).padStart(widths[i]!)).join('')}`
}

function head(name: string, connections: number): string {
  return `${name.padEnd(22)}${String(connections).padStart(11)}`
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
