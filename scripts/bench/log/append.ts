/**
 * Compares how fast a large log and an empty one store records, with bursts into both in alternating rounds.
 */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import type { WholeLog } from '#security-server/open-log.ts'
import { logExchanges } from './exchanges.ts'
import type { Row } from './figures.ts'
import { type FilledLog, type LogPlace, openAt } from './fill.ts'

const ROUNDS = 21
/** Batches in one burst, each of 16 exchanges; CONCURRENT of them at the same time. */
const BURST = 64
const CONCURRENT = 16

/** Ratio of the medians of records per second, the filled log to one that was empty at the start. */
export async function appendRatio(place: LogPlace, filled: FilledLog, row: Row): Promise<number> {
  const empty = path.join(path.dirname(place.file), 'empty')
  const fresh: LogPlace = {
    file: path.join(empty, 'log.db'),
    keyFolder: path.join(empty, 'keys'),
    bodyFolder: path.join(empty, 'bodies'),
  }
  for (const folder of [empty, fresh.keyFolder, fresh.bodyFolder]) mkdirSync(folder, { mode: 0o700 })
  const now = (): number => filled.to
  const logs = [await openAt(place, filled.parties, now), await openAt(fresh, filled.parties, now)] as const
  try {
    const rates: [number[], number[]] = [[], []]
    for (const log of logs) await burst(log, filled)
    for (let round = 0; round < ROUNDS; round++)
      // Alternates which log comes first.
      for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const))
        rates[which].push(await burst(logs[which], filled))
    const [full, none] = rates.map(median) as [number, number]
    row({ what: 'appended a second: this, an empty log', value: `${full.toFixed(0)}, ${none.toFixed(0)}` })
    return Math.round((100 * full) / none) / 100
  } finally {
    for (const log of logs) await log.close()
  }
}

async function burst(log: WholeLog, { parties, to }: FilledLog): Promise<number> {
  const before = log.size()
  const began = performance.now()
  let left = BURST
  const write = async (): Promise<void> => {
    while (left-- > 0) await logExchanges(log, parties, new Date(to))
  }
  await Promise.all(Array.from({ length: CONCURRENT }, write))
  const seconds = (performance.now() - began) / 1000
  await log.maintain()
  return (log.size() - before) / seconds
}

function median(numbers: number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!
}
