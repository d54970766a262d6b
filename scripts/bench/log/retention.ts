/** What ending and archiving contents costs the exchanges beside it: 200 a second, turn by turn with and without the job. */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type MessageLog, openMessageLog } from '#security-server/message-log/message-log.ts'
import { BATCH, logExchanges, type Parties, SERVER } from './exchanges.ts'
import type { Row } from './figures.ts'
import type { FilledLog, LogPlace } from './fill.ts'

export type RetentionFigures = {
  /** Exchanges a second with the job to those without it. */
  erasureRatio: number
  archiveRatio: number
  erasedPerSecond: number
  archivedPerSecond: number
}

type Turn = { perSecond: number; p50: number; p95: number; ended: number; seconds: number }

const RATE = 200
const TURN_SECONDS = 12
const ROUNDS = 3
const DAY_MS = 86_400_000

export async function measureRetention(
  place: LogPlace,
  filled: FilledLog,
  row: Row,
): Promise<RetentionFigures> {
  const { stamp, signer } = filled.parties
  const later = filled.to + 2 * DAY_MS - Date.now()
  const clock = (): number => Date.now() + later
  const directory = path.join(path.dirname(place.file), 'archives')
  mkdirSync(directory)
  const log = await openMessageLog({
    databaseUrl: `sqlite:${place.file}`,
    keyFolder: place.keyFolder,
    bodyFolder: place.bodyFolder,
    server: SERVER,
    node: 'node1',
    clock,
    stamp,
    signer,
    archives: { directory, maxBytes: 32 * 1024 * 1024 },
  })
  try {
    const common = { name: 'default', keepDays: 1, atEnd: 'PROOF_KEPT', applyToExisting: true } as const
    const measure = async (archive: 'NONE' | 'CONTAINERS', what: string): Promise<[number, number]> => {
      await log.retention.putClass({ ...common, archive })
      return compare(log, filled.parties, clock, what, row)
    }
    const [erasureRatio, erasedPerSecond] = await measure('NONE', 'ending contents')
    const [archiveRatio, archivedPerSecond] = await measure('CONTAINERS', 'archiving and ending contents')
    return { erasureRatio, erasedPerSecond, archiveRatio, archivedPerSecond }
  } finally {
    await log.close()
  }
}

/** Exchanges with the job to those without, and how many contents it ended a second. */
async function compare(
  log: MessageLog,
  parties: Parties,
  clock: () => number,
  what: string,
  row: Row,
): Promise<[number, number]> {
  const [alone, beside]: [Turn[], Turn[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(await turn(log, parties, clock, false))
    beside.push(await turn(log, parties, clock, true))
  }
  const mean = (turns: Turn[], of: (turn: Turn) => number): number =>
    turns.reduce((sum, one) => sum + of(one), 0) / turns.length
  const describe = (turns: Turn[]): string =>
    `${mean(turns, (one) => one.perSecond).toFixed(0)}/s, ${mean(turns, (one) => one.p50).toFixed(1)} ms, ${mean(turns, (one) => one.p95).toFixed(1)} ms`
  row({ what: 'exchanges, p50, p95: alone', value: describe(alone) })
  row({ what: `beside ${what}`.slice(0, 33), value: describe(beside) })
  const ended = mean(beside, (one) => one.ended / one.seconds)
  row({ what: 'contents ended a second', value: ended.toFixed(0) })
  const ratio = mean(beside, (one) => one.perSecond) / mean(alone, (one) => one.perSecond)
  return [Math.round(ratio * 100) / 100, Math.round(ended)]
}

/** Exchanges come at their rate, whatever became of those before. */
async function turn(log: MessageLog, parties: Parties, clock: () => number, withJob: boolean): Promise<Turn> {
  const times: number[] = []
  const began = performance.now()
  const end = began + TURN_SECONDS * 1000
  const over = new AbortController()
  const job = withJob ? work(log, over.signal) : Promise.resolve(0)
  const jobs = setInterval(() => {
    void Promise.all([log.maintain(), log.checkpointNow(), log.timeStampNow()])
  }, 5000)
  const underWay: Promise<unknown>[] = []
  for (let n = 0; ; n++) {
    const due = began + (n * BATCH * 1000) / RATE
    if (due > end) break
    await wait(Math.max(0, due - performance.now()))
    underWay.push(
      logExchanges(log, parties, new Date(clock())).then(() => times.push(performance.now() - due)),
    )
  }
  await Promise.all(underWay)
  const seconds = (performance.now() - began) / 1000
  clearInterval(jobs)
  over.abort()
  const ended = await job
  times.sort((a, b) => a - b)
  const at = (share: number): number => times[Math.floor(share * (times.length - 1))]!
  return { perSecond: (times.length * BATCH) / seconds, p50: at(0.5), p95: at(0.95), ended, seconds }
}

async function work(log: MessageLog, signal: AbortSignal): Promise<number> {
  let ended = 0
  while (!signal.aborted) {
    const done = await log.retention.run(signal)
    ended += done
    if (done === 0) await wait(100)
  }
  return ended
}
