/** What the log can tell about itself: its tree heads, how many records were erased, the daily counts. */
import type { CountedDay, StoredCounts } from '../daily-counts/store.ts'
import type { Clearance } from '../record-input.ts'
import type { StoredCheckpoint } from '../tree/store.ts'
import type { WorkerClient } from '../worker-client.ts'

export type OwnReads = {
  /** Newest first. */
  checkpoints(limit: number): Promise<StoredCheckpoint[]>
  /** The checkpoint of exactly this size. */
  checkpointOf(size: number): Promise<StoredCheckpoint | undefined>
  /** How many of the first `size` records were erased. Searches do not find those. */
  erasedBelow(size: number): Promise<number>
  /** Which of these records were erased down to their leaves; at most 1,000 at once. */
  leavesAmong(indexes: number[]): Promise<number[]>
  /** Counted days, newest first, those whose record is before `before`. */
  countedDays(q: { before: number; limit: number }): Promise<CountedDay[]>
  /** The counts in the record of this index; rows that are too secret are given as digests. */
  countsOf(q: { index: number; clearance: Clearance }): Promise<StoredCounts | undefined>
}

export function ownReads(worker: Pick<WorkerClient, 'call'>): OwnReads {
  return {
    checkpoints: (limit) => worker.call('checkpoints', limit),
    checkpointOf: (size) => worker.call('checkpointOf', size),
    erasedBelow: (size) => worker.call('erasedBelow', size),
    leavesAmong: async (indexes) => (indexes.length === 0 ? [] : worker.call('leavesAmong', indexes)),
    countedDays: (q) => worker.call('countedDays', q),
    countsOf: (q) => worker.call('countsOf', q),
  }
}
