/** What the log says of itself to whoever asks: its tree heads, how much of it was erased, what it counted day by day. */
import type { CountedDay, StoredCounts } from './daily-counts/store.ts'
import type { Clearance } from './record-input.ts'
import type { StoredCheckpoint } from './tree/store.ts'
import type { WorkerClient } from './worker-client.ts'

export type OwnReads = {
  /** Newest first. */
  checkpoints(limit: number): Promise<StoredCheckpoint[]>
  /** The one of exactly so many records, however many came after it. */
  checkpointOf(size: number): Promise<StoredCheckpoint | undefined>
  /** How many of the first `size` records were erased: no search finds them. */
  erasedBelow(size: number): Promise<number>
  /** Days that were counted, newest first, those whose record stands before `before`. */
  countedDays(q: { before: number; limit: number }): Promise<CountedDay[]>
  /** What the record of this index counted; of rows that are too secret the digest alone. */
  countsOf(q: { index: number; clearance: Clearance }): Promise<StoredCounts | undefined>
}

export function ownReads(worker: Pick<WorkerClient, 'call'>): OwnReads {
  return {
    checkpoints: (limit) => worker.call('checkpoints', limit),
    checkpointOf: (size) => worker.call('checkpointOf', size),
    erasedBelow: (size) => worker.call('erasedBelow', size),
    countedDays: (q) => worker.call('countedDays', q),
    countsOf: (q) => worker.call('countsOf', q),
  }
}
