/**
 * What the writer needs of a database: one transaction per group, durable when it returns. Two drivers implement it
 * without a query builder between, because this is where the cost of a record lies.
 */

/** The tree as the last commit left it; `peaks` are the roots of its complete subtrees, largest first. */
export type Head = { size: number; peaks: Buffer[] }

type RecordRow = {
  idx: number
  leaf: Buffer
  form: string
  signatureId: number | null
  content: Buffer
  seed: Buffer
}
export type DocumentRow = { id: number; digest: Buffer; base: number | null; document: Buffer }

/** A statement beside the rows, with `?` for values; it is part of the same commit. */
export type SideStatement = { text: string; values: (string | number | Buffer | null)[] }

/** All that one commit writes; rows go into consecutive places from the head's size on. */
export type Placement = {
  head: Head
  records: RecordRow[]
  documents: DocumentRow[]
  bodyFiles: { name: string; idx: number }[]
  statements: SideStatement[]
}

export type ReplayKey = { position: number; key: Buffer; time: number }

export type HotStore = {
  /**
   * In one transaction: takes the replay keys, calls `place` with the head and the positions whose key was taken
   * already, writes what it returns. Throws `logging_failed`, after which the outcome is unknown and the next call
   * starts from what is on disk.
   */
  commit(q: {
    replayKeys: ReplayKey[]
    place(head: Head, taken: ReadonlySet<number>): Placement
  }): Promise<void>
  /** The head on disk. */
  head(): Promise<Head>
  /** Deletes replay keys that no message under way could carry again, some at a time; says how many. */
  forgetReplayKeys(q: { now: number; oldestArrival: number | undefined }): Promise<number>
  /** Before records need it: where those behind the first `size` will stand. A commit that finds no place makes it itself. */
  makeRoom(size: number): Promise<void>
  /**
   * After an erasure: leaves no copy of deleted rows in the write-ahead log; false when a reader keeps it from that, and it has
   * to be tried again. PostgreSQL keeps its own for a while.
   */
  scrub(): Promise<boolean>
  close(): Promise<void>
}

const HASH = 32

export function encodePeaks(peaks: Buffer[]): Buffer {
  return Buffer.concat(peaks)
}

export function decodePeaks(bytes: Uint8Array): Buffer[] {
  const all = Buffer.from(bytes)
  return Array.from({ length: all.length / HASH }, (_, i) => all.subarray(i * HASH, (i + 1) * HASH))
}
