/**
 * Cases beside each other at the same two servers, turn by turn: what SOAP, an attachment, and a contract's
 * fields cost. What is noise of the machine meets both; what is left is in the ratio, with its spread over
 * the rounds.
 */
import { CASES, type Case, load } from './cases.ts'
import type { Pairs } from './pairs.ts'
import { sayCases } from './say-cases.ts'
import { type Spent, spentEach, totalOf } from './spending.ts'
import { type Spread, spreadOf, spreadText } from './spread.ts'

/** `least` is what the first has to reach of the rate of the second. */
const BESIDE = [
  { name: 'SOAP 1 KB', beside: 'POST 1 KB', least: 0.8, connections: 32 },
  { name: 'SOAP 10 MB', beside: 'POST 10 MB', least: 0.9, connections: 4 },
  { name: 'JSON 10 KB, contract', beside: 'JSON 10 KB', least: 0.85, connections: 32 },
] as const
const ROUNDS = 5

type Round = { perSecond: number; spent: Spent }
type Row = {
  case: string
  beside: string
  connections: number
  perSecond: number
  besidePerSecond: number
  ratio: Spread
  least: number
  /** Of both servers for an exchange, divided by that of the other case. */
  processor: Spread
}

/** Prints each pair as it is measured. Throws when a load fails or does not end. */
export async function measureBeside(
  pairs: Pairs,
  q: { seconds: number; say(line: string): void },
): Promise<Row[]> {
  q.say(
    'case beside another                       connections      /s  beside/s      ratio (spread)  at least',
  )
  const said = sayCases(BESIDE.length)
  const rows: Row[] = []
  for (const { name, beside, least, connections } of BESIDE) {
    said.begin(`${name} beside ${beside}`)
    const rounds = await inTurns(caseOf(name), caseOf(beside), pairs, { seconds: q.seconds, connections })
    said.end()
    const row = {
      ...{ case: name, beside, connections, least },
      perSecond: mean(rounds.map(({ own }) => own.perSecond)),
      besidePerSecond: mean(rounds.map(({ other }) => other.perSecond)),
      ratio: spreadOf(rounds.map(({ own, other }) => own.perSecond / other.perSecond)),
      processor: spreadOf(rounds.map(({ own, other }) => totalOf(own.spent) / totalOf(other.spent))),
    }
    rows.push(row)
    q.say(lineOf(row))
    q.say(`  processor time of both servers for an exchange: ${spreadText(row.processor)} of the other's`)
  }
  return rows
}

/** Nothing is kept of the first round, in which what is frequent is compiled. */
async function inTurns(
  one: Case,
  beside: Case,
  pairs: Pairs,
  how: { seconds: number; connections: number },
): Promise<{ own: Round; other: Round }[]> {
  const rounds: { own: Round; other: Round }[] = []
  for (let round = -1; round < ROUNDS; round++) {
    // The order changes from round to round, so that a machine that slows down meets both.
    const isOwnFirst = round % 2 === 0
    const first = await measure(isOwnFirst ? one : beside, pairs, how)
    const second = await measure(isOwnFirst ? beside : one, pairs, how)
    if (round >= 0) rounds.push(isOwnFirst ? { own: first, other: second } : { own: second, other: first })
  }
  return rounds
}

async function measure(
  one: Case,
  { concordat, serverPids }: Pairs,
  { seconds, connections }: { seconds: number; connections: number },
): Promise<Round> {
  let perSecond = 0
  const spent = await spentEach(serverPids, async () => {
    const result = await load(one, concordat, seconds, connections)
    perSecond = result.perSecond
    return result.requests
  })
  return { perSecond, spent }
}

function caseOf(name: string): Case {
  return CASES.find((one) => one.name === name)!
}

function lineOf(row: Row): string {
  const names = `${row.case} beside ${row.beside}`
  const figures = [row.connections, rateText(row.perSecond), rateText(row.besidePerSecond)]
  const cells = [...figures, spreadText(row.ratio), row.least].map((cell, i) =>
    String(cell).padStart([11, 8, 10, 20, 10][i]!),
  )
  return `${names.padEnd(42)}${cells.join('')}`
}

function rateText(perSecond: number): string {
  return perSecond.toFixed(perSecond < 100 ? 1 : 0)
}

function mean(values: number[]): number {
  return values.reduce((sum, one) => sum + one, 0) / values.length
}
