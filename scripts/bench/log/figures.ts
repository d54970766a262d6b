/** What is asked of a large log, timed: a start, proofs, searches, the whole verification with its memory. */
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import path from 'node:path'
import { consistencyProof, verifyConsistency } from '#core/merkle/proofs.ts'
import { idText } from '#schemas/identifiers.ts'
import { openLogDatabase } from '#security-server/message-log/log-database.ts'
import type { MessageLog } from '#security-server/message-log/message-log.ts'
import type { RecordFilter } from '#security-server/message-log/search/store.ts'
import { createNodeReader } from '#security-server/message-log/tree/tiles.ts'
import { residentMb } from '../measure.ts'
import { CLIENT } from './exchanges.ts'
import { type FilledLog, type LogPlace, openAt } from './fill.ts'

export type LogFigures = {
  startMs: number
  inclusionMs: number
  consistencyMs: number
  queryIdMs: number
  timeMs: number
  /** Of searches of every kind, those that find nothing among them. */
  searchP95Ms: number
  verifySeconds: number
  verifiedPerSecond: number
  verifyMb: number
  holds: boolean
}

export type Row = (row: { what: string; value: string }) => void

const TIMES = 200
const PAGE = 50
const WATCH_MS = 200

/** Says each figure as it is known. Throws when an answer is wrong. */
export async function measureLog(place: LogPlace, filled: FilledLog, row: Row): Promise<LogFigures> {
  const say = (what: string, ms: number): number => {
    const rounded = Math.round(ms * 100) / 100
    row({ what, value: `${rounded} ms` })
    return rounded
  }
  const open = async (): Promise<{ log: MessageLog; ms: number }> => {
    const opening = performance.now()
    const log = await openAt(place, filled.parties, () => filled.to)
    await log.recover()
    return { log, ms: performance.now() - opening }
  }
  // The first time, the disk is still busy with what was written.
  await (await open()).log.close()
  const { log, ms } = await open()
  const startMs = say('opening the log, with recovery', ms)
  try {
    const inclusionMs = say('an inclusion proof', await mean(() => log.proof(randomInt(filled.records))))
    const consistencyMs = say('a consistency proof', await consistency(place))
    const queryIdMs = say('search by query id', await mean(() => byQueryId(log, filled)))
    const timeMs = say('search by time, a page of 50', await mean(() => byTime(log, filled)))
    const searchP95Ms = say('any search, 95th percentile', await searches(log, filled))
    await log.close()
    const verified = await verifyWhole(place)
    const verifiedPerSecond = Math.round(filled.records / verified.seconds)
    row({ what: 'records verified a second', value: `${verifiedPerSecond}` })
    row({ what: 'memory of the verifier', value: `${verified.mb} MB` })
    row({ what: 'the log holds', value: String(verified.holds) })
    return {
      startMs,
      inclusionMs,
      consistencyMs,
      queryIdMs,
      timeMs,
      searchP95Ms,
      verifySeconds: Math.round(verified.seconds),
      verifiedPerSecond,
      verifyMb: verified.mb,
      holds: verified.holds,
    }
  } finally {
    await log.close().catch(() => undefined)
  }
}

async function mean(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  for (let time = 0; time < TIMES; time++) await act()
  return (performance.now() - started) / TIMES
}

async function byQueryId(log: MessageLog, { queryIds }: FilledLog): Promise<void> {
  const rows = await log.findExchange(queryIds[randomInt(queryIds.length)]!, CLIENT)
  if (rows.length !== 2) throw new Error(`an exchange has ${rows.length} records`)
}

/** A minute anywhere in the day. */
async function byTime(log: MessageLog, { from, to }: FilledLog): Promise<void> {
  const start = randomInt(from, to - 60_000)
  const [first, last] = [start, start + 60_000].map((time) => new Date(time).toISOString())
  const rows = await log.list({ from: first!, to: last!, limit: PAGE })
  if (rows.some(({ time }) => time < first! || time >= last!)) throw new Error('a record of another time')
}

/** A page of each in turn; the parties of the filled log are on all of its records, so most or nothing fits. */
async function searches(log: MessageLog, { queryIds, from }: FilledLog): Promise<number> {
  const client = idText(CLIENT)
  const [row] = await log.list({ queryId: queryIds[0]!, limit: 1 })
  const filters: (() => RecordFilter)[] = [
    () => ({}),
    () => ({ queryId: queryIds[randomInt(queryIds.length)]! }),
    () => ({ requestId: row!.request_id }),
    () => ({ client }),
    () => ({ client: `${client}-none` }),
    () => ({ party: 'DEV/GOV/none' }),
    () => ({ outcome: 'access_denied' }),
    () => ({ failed: true, from: new Date(from).toISOString() }),
    () => ({ kind: 'reply', direction: 'out', failed: false }),
  ]
  const times: number[] = []
  for (let time = 0; time < TIMES; time++) {
    const filter = filters[time % filters.length]!()
    const started = performance.now()
    await log.list({ ...filter, limit: PAGE })
    times.push(performance.now() - started)
  }
  return times.sort((a, b) => a - b)[Math.floor(TIMES * 0.95)]!
}

/** From a checkpoint anywhere in the log to the newest one, verified. */
async function consistency({ file }: LogPlace): Promise<number> {
  const database = await openLogDatabase(`sqlite:${file}`, { readOnly: true })
  try {
    const newest = (await database.tree.newestCheckpoint())!
    return await mean(async () => {
      const [old] = await database.tree.checkpointsAfter(randomInt(newest.size), 1)
      const sizes = { first: old!.size, second: newest.size }
      const proof = await consistencyProof(sizes.first, sizes.second, createNodeReader(database))
      verifyConsistency({ ...sizes, firstRoot: old!.root, secondRoot: newest.root, proof })
    })
  } finally {
    await database.close()
  }
}

/** `concordat log verify` in a process of its own, as an auditor runs it. */
async function verifyWhole({
  file,
  keyFolder,
  bodyFolder,
}: LogPlace): Promise<{ seconds: number; mb: number; holds: boolean }> {
  const command = path.resolve(import.meta.dirname, '../../concordat')
  const args = ['log', 'verify', '--keys', keyFolder, '--bodies', bodyFolder, `sqlite:${file}`]
  const started = performance.now()
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  let mb = 0
  const watch = setInterval(() => {
    mb = Math.max(mb, residentMb(child.pid!) ?? 0)
  }, WATCH_MS)
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('exit', resolve)
    })
    return { seconds: (performance.now() - started) / 1000, mb: Math.round(mb), holds: exitCode === 0 }
  } finally {
    clearInterval(watch)
  }
}
