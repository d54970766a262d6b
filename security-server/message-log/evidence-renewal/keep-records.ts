/**
 * Keeps evidence records (RFC 4998): a new one over a tree head each day, and each renewed before its proof
 * expires. The rows are authoritative: after a crash the old or the new record is there, and an unfinished
 * renewal is due again. An authority that is down delays nothing else.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { encodeEvidence } from '#core/evidence-bundle/stamp-batch.ts'
import { stampedNote } from '#core/evidence-bundle/stamped-note.ts'
import { buildHashTree } from '#core/evidence-record/hash-tree.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
import { createTurn } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { decodeEvidence, type TimeStampAnswer } from '../time-stamps/stamp-record.ts'
import type { CheckpointSigner } from '../tree/countersign.ts'
import type { WorkerClient } from '../worker-client.ts'
import { type HeadSource, headToStamp } from './choose-head.ts'
import {
  endOf,
  firstRecord,
  type Renewal,
  type RenewalPolicy,
  renewalOf,
  type StampDigest,
} from './renewal.ts'
import type { StoredEvidenceRecord } from './store.ts'

/** How many records one time-stamp renews. */
const MAX_AT_ONCE = 512
const DAY_MS = 86_400_000
/** How long a bundle waits for an authority, and how long an authority is not asked again after a failure. */
const WAIT_MS = 5_000
const REST_MS = 60_000

/** Asks a time-stamping authority to stamp this digest. Throws `timestamping_failed`. */
export type Stamp = (imprint: Buffer, digest?: StampDigest) => Promise<TimeStampAnswer>

export type EvidenceRecordSettings = RenewalPolicy & { intervalMs: number }

type Planned = { row: StoredEvidenceRecord; data: Buffer; renewal: Renewal }

type Parts = HeadSource & {
  worker: Pick<WorkerClient, 'call'>
  clock: Clock
  /** The log's origin. */
  origin: string
  signer: CheckpointSigner | undefined
  stamp: Stamp | undefined
  settings: EvidenceRecordSettings
  /** Called with faults of records that cannot be renewed. */
  onFault?: ((fault: Fault) => void) | undefined
}

export function createEvidenceRecords(q: Parts) {
  const { worker, clock, settings } = q

  const ask = (imprint: Buffer, digest: StampDigest): Promise<TimeStampAnswer> => {
    if (q.stamp === undefined) throw new Fault('timestamping_failed', { what: 'no authority is configured' })
    return q.stamp(imprint, digest)
  }

  let failedAt = Number.NEGATIVE_INFINITY
  const inTurn = createTurn()

  /**
   * Makes a record over a tree head of more than `index` records unless that has one. `isProved`: there is
   * one already that too few cosigned.
   */
  const makeOne = async (index: number, isProved: boolean): Promise<void> => {
    const note = await headToStamp(index, isProved, q)
    if (note === undefined) return
    const { size } = parseCheckpoint(note)
    const next = await worker.call('evidenceRecordCovering', size - 1)
    if (size <= index || Number(next?.size) === size) return
    const data = stampedNote(note, q.origin)
    const renewal = firstRecord(data, clock(), settings)
    const answer = await ask(renewal.covered, renewal.digest)
    const record = renewal.write({ lists: [], token: answer.token })
    const { time } = endOf({ record, data, certificates: answer.certificates, policy: settings })
    // Without the signer's evidence, for example while the token is locked, the record still proves the time.
    const signer = orFault(() => q.signer?.evidence?.())
    await worker.call('putEvidenceRecord', {
      size,
      time: new Date(clock()).toISOString(),
      renew_at: dueAt(time),
      record,
      evidence: encodeEvidence(
        joined(answer, ...(signer === undefined || signer instanceof Fault ? [] : [signer])),
      ),
    })
  }

  /** The oldest record that covers this index, over a head that a quorum cosigned if there is one. */
  const bestCovering = async (
    index: number,
  ): Promise<{ best: StoredEvidenceRecord | undefined; isCosigned: boolean }> => {
    const oldest = await worker.call('evidenceRecordCovering', index)
    const quorum = q.quorum()
    if (oldest === undefined || quorum === undefined)
      return { best: oldest, isCosigned: oldest !== undefined }
    for (let above = index; ; ) {
      // While witnesses are away one may be made for each bundle.
      const heads = await worker.call('cosignedHeadsWithRecord', above)
      const found = heads.find(({ witnesses }) => quorum.isMetBy(witnesses))
      if (found !== undefined)
        return { best: await worker.call('evidenceRecordCovering', found.size - 1), isCosigned: true }
      if (heads.length === 0) return { best: oldest, isCosigned: false }
      above = heads.at(-1)!.size
    }
  }

  /** Whoever waited while another made one takes that, if it covers what they ask for. */
  const make = (index: number): Promise<void> =>
    inTurn(async () => {
      const { best, isCosigned } = await bestCovering(index)
      if (!isCosigned) await makeOne(index, best !== undefined)
    })

  const renewAll = async (): Promise<number> => {
    let renewed = 0
    for (;;) {
      const due = await worker.call('dueEvidenceRecords', {
        now: new Date(clock()).toISOString(),
        limit: MAX_AT_ONCE,
      })
      if (due.length === 0) return renewed
      renewed += await renew(due)
    }
  }

  const renew = async (due: StoredEvidenceRecord[]): Promise<number> => {
    let renewed = 0
    const planned: Planned[] = []
    for (const row of due) {
      const plan = orFault(() => {
        const data = stampedNote(row.note, q.origin)
        return { row, data, renewal: renewalOf(row.record, data, clock(), settings) }
      })
      if (plan instanceof Fault) await postpone(row, plan)
      else planned.push(plan)
    }
    for (const digest of new Set(planned.map(({ renewal }) => renewal.digest))) {
      const group = planned.filter(({ renewal }) => renewal.digest === digest)
      const tree = buildHashTree(
        group.map(({ renewal }) => renewal.covered),
        digest,
      )
      const answer = await ask(tree.root, digest)
      for (const [i, one] of group.entries())
        renewed += await replace(one, { ...answer, lists: tree.reduced[i]! })
    }
    return renewed
  }

  /** Makes a record due again tomorrow: one that cannot be renewed must not prevent the renewal of others. */
  const postpone = async ({ note: _note, ...row }: StoredEvidenceRecord, fault?: Fault): Promise<number> => {
    if (fault !== undefined) q.onFault?.(fault)
    const tomorrow = new Date(clock() + DAY_MS).toISOString()
    await worker.call('replaceEvidenceRecord', { before: row.record, row: { ...row, renew_at: tomorrow } })
    return 0
  }

  const replace = async (
    { row, data, renewal }: Planned,
    answer: TimeStampAnswer & { lists: Buffer[][] },
  ): Promise<number> => {
    const { note: _note, ...stored } = row
    const kept = decodeEvidence(row.evidence)
    const all = joined(kept, answer)
    const record = renewal.write(answer)
    const policy = settings
    const { certificates } = all
    const ends = orFault(() =>
      [row.record, record].map((one) => endOf({ record: one, data, certificates, policy }).time),
    )
    if (ends instanceof Fault) return postpone(row, ends)
    const [before, after] = ends as [number, number]
    // The authority still has the same certificate: another time-stamp would add nothing.
    if (after <= before) return postpone(row)
    const renewed = { ...stored, record, evidence: encodeEvidence(all), renew_at: dueAt(after) }
    await worker.call('replaceEvidenceRecord', { before: row.record, row: renewed })
    return 1
  }

  /** At least a day from now, whatever the authority's certificate says. */
  const dueAt = (end: number): string =>
    new Date(Math.max(end - settings.beforeMs, clock() + DAY_MS)).toISOString()

  return {
    /**
     * For the job: makes the record of the day and renews what is due. Resolves to the number of renewed
     * records.
     */
    keep: async (): Promise<number> => {
      const newest = await worker.call('newestEvidenceRecord')
      if (newest === undefined || hasPassed(clock(), Date.parse(newest.time), settings.intervalMs))
        await make(Number(newest?.size ?? 0))
      return renewAll()
    },
    /**
     * The oldest record that covers this index, over a tree head that a quorum of witnesses cosigned. When
     * there is none, one is made now if an authority answers; one over a head that too few cosigned is better
     * than none.
     */
    covering: async (index: number): Promise<StoredEvidenceRecord | undefined> => {
      const { best, isCosigned } = await bestCovering(index)
      if (isCosigned || !hasPassed(clock(), failedAt, REST_MS)) return best
      try {
        await Promise.race([make(index), wait(WAIT_MS, undefined, { ref: false })])
      } catch (thrown) {
        if (!(thrown instanceof Fault)) throw thrown
        failedAt = clock()
        return best
      }
      return (await bestCovering(index)).best
    },
  }
}

function orFault<T>(act: () => T): T | Fault {
  try {
    return act()
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown
    throw thrown
  }
}

function joined(...of: { certificates: Buffer[]; ocspResponses: Buffer[] }[]) {
  const once = (all: Buffer[]): Buffer[] =>
    [...new Set(all.map((der) => der.toString('base64')))].map((text) => Buffer.from(text, 'base64'))
  return {
    certificates: once(of.flatMap(({ certificates }) => certificates)),
    ocspResponses: once(of.flatMap(({ ocspResponses }) => ocspResponses)),
  }
}
