/**
 * The witnesses of the log, from its side: its key and proofs for them, and the cosignatures and
 * contradictions that it stores.
 */
import type { Contradiction } from '../tables.ts'
import type { WorkerClient } from '../worker-client.ts'
import type { CosignatureStore, CosignedSize, StoredCosignature } from './store.ts'

/** A policy of witnesses, as the log asks for it. */
export type Quorum = {
  /** Brings the newest tree head to the witnesses. Resolves when they have answered or are too slow. */
  submit(): Promise<void>
  isMetBy(witnesses: string[]): boolean
}

export type LogWitnesses = {
  /** The C2SP verifier key of the log. */
  logKey(): Promise<string>
  /** The newest stored checkpoint, without cosignatures. */
  newestCheckpoint(): Promise<string | undefined>
  /**
   * A consistency proof (RFC 9162 2.1.4). Throws `not_found` when the tree has fewer records, `invalid_input`
   * when `first` is the larger.
   */
  proveConsistency(first: number, second: number): Promise<Buffer[]>
  /**
   * Stores a cosignature of a stored checkpoint; a second one of the same witness for the same size is
   * ignored.
   */
  putCosignature(cosignature: StoredCosignature): Promise<void>
  /** The largest size that each of these witnesses cosigned. */
  newestCosigned(names: string[]): Promise<CosignedSize[]>
  /** Newest first. */
  checkpoints(q: { before: number; limit: number }): ReturnType<CosignatureStore['checkpoints']>
  /** Resolves to false when it is known already. */
  putContradiction(found: Omit<Contradiction, 'id'>): Promise<boolean>
  contradictions(): Promise<Contradiction[]>
  /** From now on evidence records are made over tree heads that this quorum has cosigned. */
  useQuorum(quorum: Quorum): void
  quorum(): Quorum | undefined
  /** Resolves when the next cosignature is stored. */
  nextCosignature(): Promise<void>
}

export function logWitnesses(worker: Pick<WorkerClient, 'call'>): LogWitnesses {
  let used: Quorum | undefined
  let stored = Promise.withResolvers<void>()
  return {
    logKey: () => worker.call('logKey'),
    newestCheckpoint: () => worker.call('newestCheckpoint'),
    proveConsistency: (first, second) => worker.call('proveConsistency', { first, second }),
    putCosignature: async (cosignature) => {
      await worker.call('putCosignature', cosignature)
      stored.resolve()
      stored = Promise.withResolvers<void>()
    },
    newestCosigned: (names) => worker.call('newestCosigned', names),
    checkpoints: (q) => worker.call('checkpointsWithWitnesses', q),
    putContradiction: (found) => worker.call('putContradiction', found),
    contradictions: () => worker.call('contradictions'),
    useQuorum: (quorum) => {
      used = quorum
    },
    quorum: () => used,
    nextCosignature: () => stored.promise,
  }
}
