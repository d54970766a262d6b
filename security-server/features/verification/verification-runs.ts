/**
 * Verifies the log each day and on request: the records since the last run, and the whole log from time to
 * time. A run that was interrupted continues where it stopped. If an incremental run finds a problem, a full
 * run follows, which names the first bad record.
 */
import { type Clock, hasPassed } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { kept, say } from '#schemas/said.ts'
import { parseState, type VerifyState } from './checks/state.ts'
import type { StoredReport } from './checks/verify-stored.ts'
import type { VerificationFilter, VerificationStore } from './store.ts'
import type { VerificationRow } from './tables.ts'

export type VerificationRuns = {
  /** For a job: runs once a day, after the hour of the settings, and continues an interrupted run. */
  daily(signal: AbortSignal): Promise<void>
  /** Starts a run and returns its row. Throws `conflict` while another one is running. */
  start(q: { full: boolean }): Promise<VerificationRow>
  /** Newest first. */
  list(filter: VerificationFilter): Promise<VerificationRow[]>
  health(): Promise<Finding>
  /** Stops the run that `start` began and waits for its end, which is recorded as an interruption. */
  close(): Promise<void>
}

/**
 * A run reports its position every few thousand records. If it was silent for longer, its process has ended.
 */
const ALIVE_MS = 5 * 60_000
const DAY_MS = 86_400_000
/** After this time a run that failed (no configuration, no database) is tried again. */
const RETRY_MS = 3_600_000

export function createVerificationRuns(q: {
  store: VerificationStore
  /** Verifies the stored log from `state` on, on a thread of its own. */
  run(o: {
    state: VerifyState | undefined
    onState: (state: VerifyState) => void
    signal: AbortSignal
  }): Promise<StoredReport>
  clock: Clock
  /** Hour of the day in UTC. */
  hour: number
  fullEveryDays: number
  logger: Pick<Log, 'error' | 'info'>
}): VerificationRuns {
  const { store, clock, logger } = q
  const closing = new AbortController()
  const iso = (ms = clock()): string => new Date(ms).toISOString()
  let begun: Promise<unknown> = Promise.resolve()

  const begin = async (mode: string): Promise<number | undefined> =>
    store.begin({ mode, now: iso(), aliveSince: iso(clock() - ALIVE_MS) })

  async function carryOut(id: number, full: boolean, signal: AbortSignal): Promise<void> {
    const before = await store.state()
    const fullAt = full ? iso() : (before?.full_at ?? iso())
    const state = full || before === undefined ? undefined : stateOf(before.state)
    let writing: Promise<unknown> = Promise.resolve()
    const onState = (now: VerifyState): void => {
      const { records } = now
      writing = writing
        .then(() => store.putState(JSON.stringify(now), fullAt))
        .then(() => store.update(id, { seen_at: iso(), records }))
        .catch((err: unknown) => logger.error({ err }, 'the state of a verification could not be kept'))
    }
    try {
      const report = await q.run({ state, onState, signal })
      await writing
      const [problem] = report.problems
      const reason = problem === undefined ? null : say`record ${problem.index}: ${problem.what}`.toString()
      await store.update(id, {
        ended_at: iso(),
        mode: report.from === 0 ? 'full' : 'incremental',
        outcome: report.ok ? 'holds' : 'broken',
        first_record: report.from,
        records: report.records,
        reason,
        report: JSON.stringify(report),
      })
      if (report.ok) return
      logger.error({ first: problem?.index, reason }, 'the message log does not hold')
      if (report.from > 0) await again(signal)
    } catch (thrown) {
      await writing
      const outcome = signal.aborted ? 'interrupted' : 'failed'
      await store.update(id, { ended_at: iso(), outcome, reason: asFault(thrown).message })
      if (!signal.aborted) throw thrown
    }
  }

  /** The log may be broken before the place where the run continued, so a full run follows. */
  async function again(signal: AbortSignal): Promise<void> {
    const id = await begin('full')
    if (id !== undefined) await carryOut(id, true, signal)
  }

  async function isDue(): Promise<boolean> {
    const last = await store.newest()
    if (last?.outcome === 'interrupted') return true
    // A run whose process ended is continued once it was silent for long enough.
    if (last?.outcome === 'running') return hasPassed(clock(), Date.parse(last.seen_at), ALIVE_MS)
    if (last?.outcome === 'failed') return hasPassed(clock(), Date.parse(last.started_at), RETRY_MS)
    const now = clock()
    const today = Math.floor(now / DAY_MS) * DAY_MS + q.hour * 3_600_000
    const due = now >= today ? today : today - DAY_MS
    if (last === undefined) return true
    const started = Date.parse(last.started_at)
    // Started by a clock that was ahead, so it does not count for today.
    return started < due || started > now + ALIVE_MS
  }

  async function isFullDue(): Promise<boolean> {
    const before = await store.state()
    return before === undefined || hasPassed(clock(), Date.parse(before.full_at), q.fullEveryDays * DAY_MS)
  }

  return {
    daily: async (signal) => {
      if (!(await isDue())) return
      // An interrupted full run has stored its state with a new `full_at`, so it continues and does not start
      // again.
      const full = await isFullDue()
      const id = await begin(full ? 'full' : 'incremental')
      if (id !== undefined) await carryOut(id, full, AbortSignal.any([signal, closing.signal]))
    },
    start: async ({ full }) => {
      const id = await begin(full ? 'full' : 'incremental')
      if (id === undefined) throw new Fault('conflict', { what: say`a verification is under way` })
      begun = carryOut(id, full, closing.signal).catch((err: unknown) =>
        logger.error({ err }, 'the verification of the message log failed'),
      )
      return (await store.list({ limit: 1 }))[0]!
    },
    list: store.list,
    health: async () => {
      const verdict = await store.newestVerdict()
      if (verdict?.outcome !== 'broken') return { ok: true }
      return { ok: true, reason: say`the message log does not hold: ${kept(verdict.reason ?? '')}` }
    },
    close: async () => {
      closing.abort(new Fault('service_unavailable', { what: say`the process is shutting down` }))
      await begun
    },
  }
}

function stateOf(text: string): VerifyState | undefined {
  try {
    return parseState(text)
  } catch {
    // The state of another version cannot be read: everything is verified again.
    return undefined
  }
}
