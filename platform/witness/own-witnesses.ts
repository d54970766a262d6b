/**
 * The witnesses of a log of ours. Brings the newest checkpoint to each of them independently, and reports how
 * far the quorum has come. A witness that is down delays nothing. A contradiction is reported by log line,
 * health check, metric and management API.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { meetsPolicy, type WitnessPolicy } from '#core/merkle/witness-policy.ts'
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { AskWitness } from './ask-witness.ts'
import { type SubmittedLog, submitTo } from './submit.ts'

/** The part of the log that a quorum of the policy has cosigned. */
type Witnessed = {
  /** How many records are covered by a tree head that a quorum cosigned. */
  records: Whole
  /** When the quorum was complete for these records. Null before the first quorum. */
  at: Time | null
  /** Since when a checkpoint waits for its quorum. Null when none does. */
  lateSince: string | null
}

type WitnessState = {
  label: string
  name: string
  url: string
  size: Whole
  cosignedAt: Time | null
  lastError: string | null
}

export type OwnWitnesses = {
  /** For a job that runs every few seconds. Failures of witnesses are recorded, not thrown. */
  submit(): Promise<void>
  /** Whether a witness has not cosigned the tree of this size, as far as is known since the last `submit`. */
  isBehind(size: number): boolean
  witnessed(): Witnessed
  state(): WitnessState[]
  /** The number of contradictions. */
  contradictions(): number
  health(): Finding
}

/** After this time without a quorum the health check gives a reason: several rounds have failed by then. */
const LATE_MS = 120_000
const ANSWER_WITHIN_MS = 4_000

type WatchedLog = SubmittedLog & { contradictions(): Promise<{ kind: string; witness: string }[]> }

/** Throws `invalid_configuration` for a policy in which two keys have one name. */
export function createOwnWitnesses(q: {
  policy: WitnessPolicy
  log: WatchedLog
  /**
   * Returns the way to ask the witness with this URL; undefined for one that is not asked, since it brings
   * its cosignatures itself.
   */
  transport(url: string): AskWitness | undefined
  /** Absent: each witness learns our log's key from its operator. */
  statement?: () => Promise<Buffer>
  clock: Clock
  logger: Pick<Log, 'error' | 'warn'>
}): OwnWitnesses {
  const { policy, log, clock, logger } = q
  refuseSharedNames(policy)
  const asks = new Map<string, AskWitness>()
  for (const { label, url = '' } of policy.witnesses) {
    const ask = q.transport(url)
    if (ask !== undefined) asks.set(label, ask)
  }
  const errors = new Map<string, Fault>()
  const underWay = new Map<string, Promise<void>>()
  /** Witnesses that are just being asked with an older checkpoint and will be asked again. */
  const again = new Set<string>()
  let cosigned = new Map<string, { size: number; time: string }>()
  let newest = 0
  let lateSince: number | undefined
  let contradictions: { kind: string; witness: string }[] = []

  const submitOne = async (witness: WitnessPolicy['witnesses'][number]): Promise<void> => {
    const { label } = witness
    try {
      const { statement } = q
      const rooms = { log, statement, now: () => new Date(clock()) }
      const submitted = await submitTo(witness, asks.get(label)!, rooms)
      errors.delete(label)
      if (submitted !== undefined && 'contradiction' in submitted)
        logger.error(
          { witness: label, kind: submitted.contradiction },
          'a witness knows another history of this log; both notes are kept',
        )
    } catch (thrown) {
      const fault = asFault(thrown)
      // Logged once, and not every few seconds while the failure lasts.
      if (!errors.has(label)) logger.warn({ witness: label, err: fault }, 'a witness cosigned nothing')
      errors.set(label, fault)
    }
  }
  const submitNewest = async (witness: WitnessPolicy['witnesses'][number]): Promise<void> => {
    do {
      again.delete(witness.label)
      await submitOne(witness)
    } while (again.has(witness.label))
  }
  const refresh = async (): Promise<void> => {
    const rows = await log.newestCosigned(policy.witnesses.map(({ name }) => name))
    cosigned = new Map(rows.map(({ witness, size, time }) => [witness, { size, time }]))
    contradictions = await log.contradictions()
    const note = await log.newestCheckpoint()
    newest = note === undefined ? 0 : parseCheckpoint(note).size
    if (quorum().records >= newest) lateSince = undefined
    else lateSince ??= clock()
  }
  /**
   * The largest tree size that a quorum has cosigned: each of its witnesses has seen the tree grow at least
   * to this size.
   */
  const quorum = (): { records: number; at: string | null } => {
    const labelled = policy.witnesses.flatMap(({ label, name }) => {
      const row = cosigned.get(name)
      return row === undefined ? [] : [{ label, ...row }]
    })
    const labels = new Set<string>()
    for (const { label, size } of labelled.sort((a, b) => b.size - a.size)) {
      labels.add(label)
      if (!meetsPolicy(policy, labels)) continue
      const times = labelled.filter((one) => labels.has(one.label)).map(({ time }) => time)
      return { records: size, at: times.sort().at(-1) ?? null }
    }
    return { records: 0, at: null }
  }

  return {
    submit: async () => {
      for (const witness of policy.witnesses) {
        const { label } = witness
        if (!asks.has(label)) continue
        if (underWay.has(label)) again.add(label)
        else
          underWay.set(
            label,
            submitNewest(witness).finally(() => underWay.delete(label)),
          )
      }
      // A witness that does not answer is not waited for, so that the others get the next checkpoint in time.
      const waiting = new AbortController()
      const tooLong = wait(ANSWER_WITHIN_MS, undefined, { signal: waiting.signal }).catch(() => undefined)
      await Promise.race([Promise.all(underWay.values()), tooLong])
      waiting.abort()
      await refresh()
    },
    isBehind: (size) => policy.witnesses.some(({ name }) => cosigned.get(name)?.size !== size),
    witnessed: () => ({
      ...quorum(),
      lateSince: lateSince === undefined ? null : new Date(lateSince).toISOString(),
    }),
    state: () =>
      policy.witnesses.map(({ label, name, url = '' }) => {
        const row = cosigned.get(name)
        return {
          label,
          name,
          url,
          size: row?.size ?? 0,
          cosignedAt: row?.time ?? null,
          lastError: errors.get(label)?.message ?? null,
        }
      }),
    contradictions: () => contradictions.length,
    health: () => {
      const [first] = contradictions
      if (first !== undefined)
        return {
          ok: true,
          reason: say`${first.witness} knows another history of this log (${first.kind})`,
        }
      if (lateSince === undefined || clock() - lateSince < LATE_MS) return { ok: true }
      return {
        ok: true,
        reason: say`no quorum of witnesses cosigned since ${new Date(lateSince).toISOString()}`,
      }
    },
  }
}

/**
 * Cosignatures are stored by the witness's name: of two keys with one name, the signature of one would count
 * for both.
 */
function refuseSharedNames({ witnesses }: WitnessPolicy): void {
  const [shared] = witnesses.filter(({ name }, at) => witnesses.some((one, i) => i < at && one.name === name))
  if (shared !== undefined)
    throw new Fault('invalid_configuration', {
      what: `witness policy: two keys have the name ${shared.name}; keep one of the two lines`,
    })
}
