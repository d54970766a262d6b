/** The newest records of this process, so that jobs need not read and decrypt them again. */
import type { RecordHead } from '../group-format.ts'

export type RecentRecord = { head: RecordHead; metadata: string; leaf: Buffer }

export type RecentRecords = {
  /** Undefined when it is too old, or another node's. */
  get(idx: number): RecentRecord | undefined
  add(idx: number, record: RecentRecord): void
}

/** Keeps `limit` records, the oldest overwritten first. */
export function createRecentRecords(limit: number): RecentRecords {
  const indexes = new Float64Array(limit).fill(-1)
  const records: (RecentRecord | undefined)[] = new Array(limit).fill(undefined)
  return {
    get: (idx) => (indexes[idx % limit] === idx ? records[idx % limit] : undefined),
    add: (idx, record) => {
      indexes[idx % limit] = idx
      records[idx % limit] = record
    },
  }
}
