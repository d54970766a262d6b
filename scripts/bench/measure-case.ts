/** Measures one case on both pairs, in turn. */
import { type Case, load } from './cases.ts'
import { type LoadResult, residentMb } from './measure.ts'
import type { Pairs } from './pairs.ts'
import { meanSpent, type Spent, spentEach } from './spending.ts'

export type Measured = {
  case: string
  connections: number
  exchangesPerSecond: number
  barePairPerSecond: number
  ratio: number
  p50Ms: number
  p99Ms: number
  memoryMb: number | null
  /** Processor time of both servers for an exchange, in microseconds by thread. */
  spent: Spent
}

type How = {
  seconds: number
  connections: number
  rounds: number
  warmUpSeconds?: number
  mostSeconds?: number
}

/**
 * The mean of the rounds, and the largest memory of the two servers. Throws when a load fails or does not
 * end.
 */
export async function measureCase(one: Case, pairs: Pairs, how: How): Promise<Measured> {
  const { seconds, connections, rounds, ...bounds } = how
  const concordat: LoadResult[] = []
  const bare: LoadResult[] = []
  const spent: Spent[] = []
  let memoryMb = 0
  for (let round = 0; round < rounds; round++) {
    bare.push(await load(one, pairs.bare, seconds, connections, bounds))
    spent.push(
      await spentEach(pairs.serverPids, async () => {
        concordat.push(await load(one, pairs.concordat, seconds, connections, bounds))
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
    connections,
    exchangesPerSecond: round1(real),
    barePairPerSecond: round1(base),
    ratio: Math.round((real / base) * 1000) / 1000,
    p50Ms: round1(mean(concordat.map((result) => result.p50Ms))),
    p99Ms: round1(mean(concordat.map((result) => result.p99Ms))),
    memoryMb: memoryMb === 0 ? null : Math.round(memoryMb),
    spent: meanSpent(spent),
  }
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function round1(value: number): number {
  return Math.round(value * 10) / 10
}
