/**
 * The witnesses of this server's log: brings each the newest checkpoint, on its own, and says how far the quorum has come. A
 * witness that is down holds up nothing; a contradiction is told by log line, health, metric and management API.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { meetsPolicy, type WitnessPolicy } from '#core/merkle/witness-policy.ts'
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, type Fault } from '#schemas/fault.ts'
import { type SubmittedLog, submitTo } from './submit.ts'
import type { AskWitness } from './transport.ts'

/** What the quorum of the policy has cosigned. */
type Witnessed = {
  /** So many records stand under a tree head that a quorum cosigned. */
  records: number
  /** When the quorum was complete for them. */
  at: string | null
  /** Since when there has been a checkpoint that it has not cosigned; null when there is none. */
  lateSince: string | null
}

type WitnessState = {
  label: string
  name: string
  url: string
  size: number
  cosignedAt: string | null
  lastError: string | null
}

export type OwnWitnesses = {
  /** For a job every few seconds. Throws nothing of a witness's making. */
  submit(): Promise<void>
  witnessed(): Witnessed
  state(): WitnessState[]
  /** How many contradictions there are. */
  contradictions(): number
  health(): Finding
}

/** Without a cosignature of the quorum for so long health says so: several rounds have failed. */
const LATE_MS = 120_000
const PATIENCE_MS = 4_000

type WatchedLog = SubmittedLog & { contradictions(): Promise<{ kind: string; witness: string }[]> }

export function createOwnWitnesses(q: {
  policy: WitnessPolicy
  log: WatchedLog
  /** How to ask the witness with this URL. */
  transport(url: string): AskWitness
  statement(): Promise<Buffer>
  clock: Clock
  logger: Pick<Log, 'error' | 'warn'>
}): OwnWitnesses {
  const { policy, log, clock, logger } = q
  const asks = new Map(policy.witnesses.map(({ label, url = '' }) => [label, q.transport(url)]))
  const errors = new Map<string, Fault>()
  const underWay = new Map<string, Promise<void>>()
  /** Who is being asked with an older checkpoint, and will be asked once more. */
  const again = new Set<string>()
  let cosigned = new Map<string, { size: number; time: string }>()
  let newest = 0
  let lateSince: number | undefined
  let contradictions: { kind: string; witness: string }[] = []

  const submitOne = async (witness: WitnessPolicy['witnesses'][number]): Promise<void> => {
    const { label } = witness
    try {
      const rooms = { log, statement: q.statement, now: () => new Date(clock()) }
      const submitted = await submitTo(witness, asks.get(label)!, rooms)
      errors.delete(label)
      if (submitted !== undefined && 'contradiction' in submitted)
        logger.error(
          { witness: label, kind: submitted.contradiction },
          'a witness knows another history of this message log; both notes are kept',
        )
    } catch (thrown) {
      const fault = asFault(thrown)
      // Once, not every few seconds for as long as it lasts.
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
  /** The largest size up to which a quorum has come; each of its witnesses has seen the tree grow to there. */
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
        if (underWay.has(label)) again.add(label)
        else
          underWay.set(
            label,
            submitNewest(witness).finally(() => underWay.delete(label)),
          )
      }
      // One that hangs is left behind: the others get the next checkpoint in time.
      const patience = new AbortController()
      const tooLong = wait(PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => undefined)
      await Promise.race([Promise.all(underWay.values()), tooLong])
      patience.abort()
      await refresh()
    },
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
          reason: `${first.witness} knows another history of this message log (${first.kind})`,
        }
      if (lateSince === undefined || clock() - lateSince < LATE_MS) return { ok: true }
      return {
        ok: true,
        reason: `no quorum of witnesses cosigned since ${new Date(lateSince).toISOString()}`,
      }
    },
  }
}
