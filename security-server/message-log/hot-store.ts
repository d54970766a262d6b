/**
 * What the writer needs from a database: one transaction per group, durable when it resolves. Two drivers
 * implement it without a query builder, because most of a record's cost is here.
 */
import type { Whole } from '#schemas/sent-values.ts'

/** The tree after the last commit; `peaks` are the roots of its complete subtrees, largest first. */
export type Head = { size: number; peaks: Buffer[] }

type RecordRow = {
  idx: Whole
  leaf: Buffer
  form: string
  signatureId: Whole | null
  content: Buffer
  seed: Buffer
}
export type DocumentRow = { id: Whole; digest: Buffer; base: Whole | null; document: Buffer }

/** A further statement of the same commit, with `?` for values. */
export type SideStatement = { text: string; values: (string | number | Buffer | null)[] }

/** Everything that one commit writes; records get consecutive indexes from the head's size on. */
export type Placement = {
  head: Head
  records: RecordRow[]
  documents: DocumentRow[]
  /** `size` is that of the plaintext. */
  bodyFiles: { name: string; size: number; idx: number }[]
  statements: SideStatement[]
}

/** Octets of a body that lies in the database. */
export type PieceRow = { name: string; start: Whole; octets: Buffer }

export type ReplayKey = { position: number; key: Buffer; time: number }

export type HotStore = {
  /**
   * In one transaction: inserts the replay keys, calls `place` with the head and the positions whose key
   * existed already, and writes the placement that it returns, with `pieces` (PostgreSQL only), of which
   * those stay that a record of it refers to. It calls `place` again when the database has ended the session
   * before the commit, since this process stood still. Throws `logging_failed`: then the outcome is unknown,
   * and the next call starts from what is on disk. Before it throws, it calls `undone` if nothing of the
   * placement was written for certain.
   */
  commit(q: {
    replayKeys: ReplayKey[]
    pieces: PieceRow[]
    place(head: Head, taken: ReadonlySet<number>): Placement
    undone(): void
  }): Promise<void>
  /**
   * The positions whose key exists already, or earlier among these: their records will be refused. `commit`
   * decides again, since another node may take a key meanwhile. Throws `logging_failed`.
   */
  taken(replayKeys: ReplayKey[]): Promise<ReadonlySet<number>>
  /** The head, once it is durable, and with it all that others could see by then. */
  head(): Promise<Head>
  /**
   * Deletes some of the replay keys that no message under way could repeat; resolves to their number. Call it
   * every minute. It deletes none before it knows that no leap of the clock makes them look old.
   */
  forgetReplayKeys(q: { now: number; elapsed: number; oldestArrival: number | undefined }): Promise<number>
  /**
   * Makes partitions ahead for records after the first `size`. A commit that finds no partition makes it
   * itself.
   */
  makeRoom(size: number): Promise<void>
  /**
   * After an erasure: removes copies of deleted rows from the write-ahead log. Resolves to false when a
   * reader prevents that and it must be tried again. PostgreSQL keeps its own write-ahead log for a while.
   */
  scrub(): Promise<boolean>
  close(): Promise<void>
}

/** Marks that begin so name segments to which no commit may refer any more, with the time of that. */
export const GIVEN_UP = 'segment-given-up:'

const HASH = 32

export function encodePeaks(peaks: Buffer[]): Buffer {
  return Buffer.concat(peaks)
}

export function decodePeaks(bytes: Uint8Array): Buffer[] {
  const all = Buffer.from(bytes)
  return Array.from({ length: all.length / HASH }, (_, i) => all.subarray(i * HASH, (i + 1) * HASH))
}
