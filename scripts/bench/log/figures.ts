/** Measures a large log: a start, proofs, searches, and the verification of the whole log with its memory. */
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { endpointText } from '#core/circumstances/in-words.ts'
import { consistencyProof, verifyConsistency } from '#core/merkle/proofs.ts'
import { idText } from '#schemas/identifiers.ts'
import { openLogDatabase } from '#security-server/message-log/log-store.ts'
import { createNodeReader } from '#security-server/message-log/tree/tiles.ts'
import type { WholeLog } from '#security-server/open-log.ts'
import { collectExchange, writeBundle } from '#security-server/reading/evidence/write-bundle.ts'
import type { RecordFilter } from '#security-server/reading/index/search-filter.ts'
import { residentMb } from '../measure.ts'
import { CLIENT, CONTRACT, ENDPOINTS, FREQUENT_USER, OF_FREQUENT, SERVER, userOf } from './exchanges.ts'
import { type FilledLog, type LogPlace, openAt } from './fill.ts'

export type LogFigures = {
  startMs: number
  inclusionMs: number
  proofP95Ms: number
  /** Writing the whole evidence bundle of an exchange. */
  bundleP95Ms: number
  consistencyMs: number
  queryIdMs: number
  timeMs: number
  /** For searches of all kinds, also those that find nothing. */
  searchP95Ms: number
  verifySeconds: number
  verifiedPerSecond: number
  verifyMemoryMb: number
  holds: boolean
}

export type Row = (row: { what: string; value: string }) => void

const TIMES = 200
const PAGE = 50
const WATCH_MS = 200

/** Reports each figure as soon as it is measured. Throws when an answer is wrong. */
export async function measureLog(place: LogPlace, filled: FilledLog, row: Row): Promise<LogFigures> {
  const say = (what: string, ms: number): number => {
    const rounded = Math.round(ms * 100) / 100
    row({ what, value: `${rounded} ms` })
    return rounded
  }
  const open = async (): Promise<{ log: WholeLog; ms: number }> => {
    const opening = performance.now()
    const log = await openAt(place, filled.parties, () => filled.to)
    await log.recover()
    return { log, ms: performance.now() - opening }
  }
  // At the first opening the disk is still busy with earlier writes.
  await (await open()).log.close()
  const { log, ms } = await open()
  const startMs = say('opening the log, with recovery', ms)
  try {
    const proofs = await timesOf(() => log.proof(randomInt(filled.records)))
    const inclusionMs = say('an inclusion proof', meanOf(proofs))
    const proofP95Ms = say('the same, 95th percentile', p95Of(proofs))
    const bundles = await timesOf(() => bundle(log, filled))
    const bundleP95Ms = say('an evidence bundle, 95th percentile', p95Of(bundles))
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
      proofP95Ms,
      bundleP95Ms,
      consistencyMs,
      queryIdMs,
      timeMs,
      searchP95Ms,
      verifySeconds: Math.round(verified.seconds),
      verifiedPerSecond,
      verifyMemoryMb: verified.mb,
      holds: verified.holds,
    }
  } finally {
    await log.close().catch(() => undefined)
  }
}

async function mean(act: () => Promise<unknown>): Promise<number> {
  return meanOf(await timesOf(act))
}

async function timesOf(act: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let time = 0; time < TIMES; time++) {
    const started = performance.now()
    await act()
    times.push(performance.now() - started)
  }
  return times
}

function meanOf(times: number[]): number {
  return times.reduce((sum, ms) => sum + ms, 0) / times.length
}

function p95Of(times: number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.95)]!
}

/**
 * The bundle of a random exchange, without the configuration of the instance, which is read once for many
 * bundles.
 */
async function bundle(log: WholeLog, { queryIds }: FilledLog): Promise<void> {
  const [row] = await log.list({ queryId: queryIds[randomInt(queryIds.length)]!, limit: 1 })
  const { indexes } = await collectExchange({ log }, Number(row!.idx))
  const source = { log, server: idText(SERVER), made: new Date(), configuration: [] }
  const written = await buffer(await writeBundle({ ...source, checkpointSigner: undefined }, indexes))
  if (written.length === 0) throw new Error('an empty bundle')
}

async function byQueryId(log: WholeLog, { queryIds }: FilledLog): Promise<void> {
  const rows = await log.findExchange(queryIds[randomInt(queryIds.length)]!, CLIENT)
  if (rows.length !== 2) throw new Error(`an exchange has ${rows.length} records`)
}

/** A random minute of the day. */
async function byTime(log: WholeLog, { from, to }: FilledLog): Promise<void> {
  const start = randomInt(from, to - 60_000)
  const [first, last] = [start, start + 60_000].map((time) => new Date(time).toISOString())
  const rows = await log.list({ from: first!, to: last!, limit: PAGE })
  if (rows.some(({ time }) => time < first! || time >= last!)) throw new Error('a record of another time')
}

/**
 * The first page of each search in turn, or what the log's time limit of a tenth of a second allows. All
 * records of the filled log have the same parties, so a search matches either most records or none.
 */
async function searches(log: WholeLog, { queryIds, from }: FilledLog): Promise<number> {
  const client = idText(CLIENT)
  const [row] = await log.list({ queryId: queryIds[0]!, limit: 1 })
  const terms: RecordFilter[] = []
  for (const id of [...queryIds.slice(0, 10), 'none'])
    terms.push({ userTerm: await log.sealActor({ kind: 'userId', name: userOf({ id }) }) })
  const frequent = { userTerm: await log.sealActor({ kind: 'userId', name: FREQUENT_USER }) }
  const never = { ...frequent, endpoint: endpointText(ENDPOINTS[OF_FREQUENT + 1]!) }
  const ofUser = () => terms[randomInt(terms.length)]!
  const filters: (() => RecordFilter)[] = [
    ofUser,
    () => ({ ...ofUser(), failed: true }),
    () => ({ ...ofUser(), client }),
    () => never,
    () => ({ ...frequent, endpoint: endpointText(ENDPOINTS[OF_FREQUENT]!) }),
    () => ({}),
    () => ({ queryId: queryIds[randomInt(queryIds.length)]! }),
    () => ({ requestId: row!.request_id }),
    () => ({ client }),
    () => ({ client: `${client}-none` }),
    () => ({ party: 'DEV/GOV/none' }),
    () => ({ outcome: 'access_denied' }),
    () => ({ failed: true, from: new Date(from).toISOString() }),
    () => ({ kind: 'reply', direction: 'out', failed: false }),
    () => ({ contract: CONTRACT }),
    () => ({ purpose: 'Tax assessment', outcome: 'access_denied' }),
    () => ({ endpoint: endpointText(ENDPOINTS[randomInt(ENDPOINTS.length)]!), kind: 'reply' }),
    () => ({ endpoint: 'GET /none' }),
  ]
  let time = 0
  return p95Of(await timesOf(() => log.listSome({ ...filters[time++ % filters.length]!(), limit: PAGE })))
}

/** From a random checkpoint to the newest one, verified. */
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
