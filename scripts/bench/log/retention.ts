/**
 * Measures how much the deletion and the archiving of contents slow down exchanges: 200 a second, in
 * alternating rounds with and without the job.
 */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openRetention } from '#security-server/features/retention/open-retention.ts'
import type { Retention } from '#security-server/features/retention/retention.ts'
import { openWholeLog, type WholeLog } from '#security-server/open-log.ts'
import { BATCH, logExchanges, type Parties, SERVER } from './exchanges.ts'
import type { Row } from './figures.ts'
import type { FilledLog, LogPlace } from './fill.ts'

type RetentionFigures = {
  /** Ratio of exchanges per second with the job to those without it. */
  erasureRatio: number
  archiveRatio: number
  /** 95th percentile of the time of an exchange, without and with the job. */
  erasureP95Ms: { alone: number; beside: number }
  archiveP95Ms: { alone: number; beside: number }
  /** Contents deleted per second, counting only the time in which the job had work. */
  erasedPerSecond: number
  /** Archives finished during the rounds, and their records per second of the job's work. */
  archives: number
  archivedPerSecond: number
}

type Turn = { perSecond: number; p50: number; p95: number; done: Done }
/** The job's work in a round, and the seconds in which it had work. */
type Done = { ended: number; archives: number; archived: number; seconds: number }
type Place = { log: WholeLog; retention: Retention; parties: Parties; clock(): number; row: Row }

const RATE = 200
const TURN_SECONDS = 12
const ROUNDS = 3
const DAY_MS = 86_400_000
/** A shorter run of the job ended because nothing was left to decide. */
const WHOLE_RUN_SECONDS = 50
const MOST_ARCHIVES = 10_000

export async function measureRetention(
  place: LogPlace,
  filled: FilledLog,
  row: Row,
): Promise<RetentionFigures> {
  const { stamp, signer } = filled.parties
  let days = 2
  const clock = (): number => Date.now() + days * DAY_MS
  const directory = path.join(path.dirname(place.file), 'archives')
  mkdirSync(directory)
  const { keyFolder, bodyFolder } = place
  const storedLog = { databaseUrl: `sqlite:${place.file}`, keyFolder, bodyFolder }
  const own = { server: SERVER, node: 'node1', clock }
  const log = await openWholeLog({ ...storedLog, ...own, stamp, signer })
  const { retention, close } = await openRetention({
    ...{ messageLog: log, storedLog, ...own, isTimeProven: () => true, nodesOfOtherVersions: async () => [] },
    archives: { directory, maxBytes: 32 * 1024 * 1024 },
  })
  try {
    // Decides about all records first, as in a server that has run for long. After that exactly the records
    // logged before are due.
    const measure = async (archive: 'NONE' | 'CONTAINERS', what: string): Promise<Compared> => {
      const keepDays = 2 * days + 1
      await retention.putClass({
        ...{ name: 'default', keepDays, atEnd: 'PROOF_KEPT', archive, applyToExisting: true },
      })
      for (let seconds = WHOLE_RUN_SECONDS; seconds >= WHOLE_RUN_SECONDS; ) {
        const began = performance.now()
        await retention.run()
        seconds = (performance.now() - began) / 1000
      }
      days += keepDays
      return compare({ log, retention, parties: filled.parties, clock, row }, what)
    }
    const archiving = await measure('CONTAINERS', 'archiving and ending contents')
    const ending = await measure('NONE', 'ending contents')
    return {
      erasureRatio: ending.ratio,
      archiveRatio: archiving.ratio,
      erasureP95Ms: ending.p95,
      archiveP95Ms: archiving.p95,
      erasedPerSecond: ending.endedPerSecond,
      archives: archiving.archives,
      archivedPerSecond: archiving.archivedPerSecond,
    }
  } finally {
    await close()
    await log.close()
  }
}

type Compared = {
  ratio: number
  p95: { alone: number; beside: number }
  endedPerSecond: number
  archives: number
  archivedPerSecond: number
}

/** Exchanges with and without the job, and the job's work meanwhile. */
async function compare(place: Place, what: string): Promise<Compared> {
  const { row } = place
  const [alone, beside]: [Turn[], Turn[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(await turn(place, false))
    beside.push(await turn(place, true))
  }
  const sum = (turns: Turn[], of: (turn: Turn) => number): number =>
    turns.reduce((before, one) => before + of(one), 0)
  const mean = (turns: Turn[], of: (turn: Turn) => number): number => sum(turns, of) / turns.length
  const describe = (turns: Turn[]): string =>
    `${mean(turns, (one) => one.perSecond).toFixed(0)}/s, ${mean(turns, (one) => one.p50).toFixed(1)} ms, ${mean(turns, (one) => one.p95).toFixed(1)} ms`
  row({ what: 'exchanges, p50, p95: alone', value: describe(alone) })
  row({ what: `beside ${what}`, value: describe(beside) })
  const worked = Math.max(
    0.001,
    sum(beside, ({ done }) => done.seconds),
  )
  const [ended, archives, archived] = (['ended', 'archives', 'archived'] as const).map((name) =>
    sum(beside, ({ done }) => done[name]),
  ) as [number, number, number]
  row({ what: 'contents ended a second', value: (ended / worked).toFixed(0) })
  if (archives > 0) {
    row({ what: 'archives finished', value: `${archives}, of ${archived} records` })
    row({ what: 'records archived a second', value: (archived / worked).toFixed(0) })
  }
  const asked = (TURN_SECONDS * ROUNDS).toFixed(0)
  if (worked < TURN_SECONDS * ROUNDS - 1)
    row({ what: 'the job had work for', value: `${worked.toFixed(1)} of ${asked} s; more records show more` })
  const p95 = (turns: Turn[]): number => Math.round(mean(turns, (one) => one.p95) * 10) / 10
  return {
    ratio:
      Math.round((100 * mean(beside, (one) => one.perSecond)) / mean(alone, (one) => one.perSecond)) / 100,
    p95: { alone: p95(alone), beside: p95(beside) },
    endedPerSecond: Math.round(ended / worked),
    archives,
    archivedPerSecond: Math.round(archived / worked),
  }
}

/** Exchanges start at a fixed rate, even when earlier ones have not ended. */
async function turn({ log, retention, parties, clock }: Place, withJob: boolean): Promise<Turn> {
  const times: number[] = []
  const before = await archivesOf(retention)
  const began = performance.now()
  const end = began + TURN_SECONDS * 1000
  const over = new AbortController()
  const done: Done = { ended: 0, archives: 0, archived: 0, seconds: 0 }
  const job = withJob ? work(retention, over.signal, done) : Promise.resolve()
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
  // An archive under way is finished, and its time counts.
  await job
  const after = await archivesOf(retention)
  done.archives = after.archives - before.archives
  done.archived = after.records - before.records
  times.sort((a, b) => a - b)
  const at = (share: number): number => times[Math.floor(share * (times.length - 1))]!
  return { perSecond: (times.length * BATCH) / seconds, p50: at(0.5), p95: at(0.95), done }
}

async function archivesOf(retention: Retention): Promise<{ archives: number; records: number }> {
  const archives = await retention.archives({ limit: MOST_ARCHIVES })
  return { archives: archives.length, records: archives.reduce((sum, one) => sum + one.records.length, 0) }
}

async function work(retention: Retention, signal: AbortSignal, done: Done): Promise<void> {
  while (!signal.aborted) {
    const began = performance.now()
    const { due } = await retention.counts()
    done.ended += await retention.run(signal)
    if (due > 0) done.seconds += (performance.now() - began) / 1000
    else await wait(100)
  }
}
