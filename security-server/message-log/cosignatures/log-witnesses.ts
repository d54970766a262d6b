/** The log's side of its witnesses: its key and proofs for them, their cosignatures and contradictions kept beside its checkpoints. */
import type { Contradiction } from '../tables.ts'
import type { WorkerClient } from '../worker-client.ts'
import type { CosignatureStore, CosignedSize, StoredCosignature } from './store.ts'

export type LogWitnesses = {
  /** The C2SP verifier key of the log. */
  logKey(): Promise<string>
  /** The newest stored checkpoint, without cosignatures. */
  newestCheckpoint(): Promise<string | undefined>
  /** RFC 9162 2.1.4; throws `not_found` when the tree has not so many records. */
  proveConsistency(first: number, second: number): Promise<Buffer[]>
  /** Of a checkpoint that is stored; a second one of the same witness for the same size is left out. */
  putCosignature(cosignature: StoredCosignature): Promise<void>
  /** For each of these names the largest size that was cosigned. */
  newestCosigned(names: string[]): Promise<CosignedSize[]>
  /** Newest first. */
  checkpoints(q: { before: number; limit: number }): ReturnType<CosignatureStore['checkpoints']>
  /** False when it was known. */
  putContradiction(found: Omit<Contradiction, 'id'>): Promise<boolean>
  contradictions(): Promise<Contradiction[]>
}

export function logWitnesses(worker: Pick<WorkerClient, 'call'>): LogWitnesses {
  return {
    logKey: () => worker.call('logKey'),
    newestCheckpoint: () => worker.call('newestCheckpoint'),
    proveConsistency: (first, second) => worker.call('proveConsistency', { first, second }),
    putCosignature: (cosignature) => worker.call('putCosignature', cosignature),
    newestCosigned: (names) => worker.call('newestCosigned', names),
    checkpoints: (q) => worker.call('checkpointsWithWitnesses', q),
    putContradiction: (found) => worker.call('putContradiction', found),
    contradictions: () => worker.call('contradictions'),
  }
}
