/**
 * Fills a log through its public interface, in a simulated day: stores records in groups, and meanwhile runs
 * the log's jobs.
 */
import { openWholeLog, type WholeLog } from '#security-server/open-log.ts'
import { tallyOf } from '../../command-line/tally.ts'
import { BATCH, createParties, logExchanges, type Parties, SERVER } from './exchanges.ts'

export type LogPlace = { file: string; keyFolder: string; bodyFolder: string }

export type FilledLog = {
  records: number
  seconds: number
  /** Query ids of some exchanges, spread over the whole log. */
  queryIds: string[]
  /** The simulated times, in milliseconds, at which the log begins and ends. */
  from: number
  to: number
  parties: Parties
}

const DAY_MS = 86_400_000
/** Batches at the same time, as many as wait for a commit in a busy server. */
const CONCURRENT = 16
/** Batches between two runs of the jobs. */
const JOBS_EVERY = 128
const KEPT_IDS = 1000

/** Opens the log in `place` at the simulated time `now`. */
export function openAt(place: LogPlace, parties: Parties, now: () => number): Promise<WholeLog> {
  const { stamp, signer } = parties
  return openWholeLog({
    databaseUrl: `sqlite:${place.file}`,
    keyFolder: place.keyFolder,
    bodyFolder: place.bodyFolder,
    server: SERVER,
    node: 'node1',
    clock: now,
    stamp,
    signer,
  })
}

/** Writes about `records` records. */
export async function fillLog(place: LogPlace, records: number): Promise<FilledLog> {
  const batches = Math.ceil(records / (2 * BATCH))
  const to = Date.now()
  const from = to - DAY_MS
  let now = from
  const parties = await createParties(() => now)
  const log = await openAt(place, parties, () => now)
  const keepEvery = Math.max(1, Math.floor(batches / KEPT_IDS))
  const queryIds: string[] = []
  const tally = tallyOf({ what: 'filling the log', unit: 'records', total: records })
  const started = performance.now()
  let next = 0
  const write = async (end: number): Promise<void> => {
    for (let batch = next++; batch < end; batch = next++) {
      now = from + Math.floor((batch / batches) * DAY_MS)
      const [first] = await logExchanges(log, parties, new Date(now))
      if (batch % keepEvery === 0) queryIds.push(first!)
    }
    next--
  }
  while (next < batches) {
    const end = Math.min(next + JOBS_EVERY, batches)
    await Promise.all(Array.from({ length: CONCURRENT }, () => write(end)))
    next = end
    await jobs(log)
    tally.at(log.size())
  }
  const seconds = (performance.now() - started) / 1000
  tally.end()
  const size = log.size()
  await log.close()
  return { records: size, seconds, queryIds, from, to, parties }
}

async function jobs(log: WholeLog): Promise<void> {
  await Promise.all([log.maintain(), log.timeStampNow(), log.checkpointNow()])
}
