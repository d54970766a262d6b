/** The calls from the main thread to the log's worker, and the messages that carry them. */
import type { AuditHead } from '#platform/audit-log/create-audit-log.ts'
import type { CrossedFault } from '#platform/threads/crossed-fault.ts'
import type { CosignatureStore, CosignedHead, StoredCosignature } from './cosignatures/store.ts'
import type { CountedDay, StoredCounts } from './daily-counts/store.ts'
import type { StoredEvidenceRecord } from './evidence-renewal/store.ts'
import type { Clearance } from './record-input.ts'
import type { BodyPlace } from './settings.ts'
import type { Contradiction, Tables } from './tables.ts'
import type { TimeStampBatch } from './time-stamps/batch.ts'
import type { TimeStampAnswer } from './time-stamps/stamp-record.ts'
import type { StoredCheckpoint } from './tree/store.ts'

export type WorkerSetup = {
  /** The log's own database: sqlite:/path or postgres://... */
  databaseUrl: string
  keyFolder: string
  bodyFolder: string
  bodyPlace: BodyPlace
  /** Distinguishes this process from others that append to the same log. */
  node: string
  /** Names of nodes that no longer exist: this node closes their open exchanges. */
  formerNodes: string[]
  /** The name of the tree: the server's identifier. */
  origin: string
  /**
   * The live nodes that know another schema: no change of the log that these could not live with is made
   * beside them.
   */
  otherNodes: readonly string[]
  now: number
  /** The number of records in a partition of a small log on PostgreSQL; a default when absent. */
  partitionRecords?: number | undefined
}

/** Memory that both threads share: the records of a group, and their results. */
type SharedMemory = { group: SharedArrayBuffer; results: SharedArrayBuffer }

/** What a log's thread begins with. */
export type ThreadData = { setup: WorkerSetup; memory: SharedMemory }

export type LogState = {
  size: number
  /** Time (ms) of the oldest record whose signature has no time-stamp. */
  oldestUnstamped: number | undefined
}

/** `id` in hex; `record` is the index of the record that announces the key. */
export type NewLogKey = { id: string; record: number }

/** `isHere`: the key's file exists, so its records can be read. `isCurrent`: new records use this key. */
export type LogKeyState = NewLogKey & { since: string; isHere: boolean; isCurrent: boolean }

/** A checkpoint signed with the log key, to be countersigned and stored. */
export type CheckpointDraft = { size: number; root: Buffer; note: string }

export type WorkerApi = {
  /** Proves with a durable write that the log can accept records. */
  probe(): Promise<void>
  /** Whether a newer version has changed the log's database so that this one must not go on. */
  isTooNew(): Promise<boolean>
  newestCheckpoint(): Promise<string | undefined>
  /** Undefined when the newest checkpoint covers the whole tree. */
  draftCheckpoint(): Promise<CheckpointDraft | undefined>
  /** Returns the note that is kept: another node may have signed the same size just before. */
  putCheckpoint(q: { size: number; root: Buffer; note: string; now: number }): Promise<string>
  /**
   * Proves that the tree of `second` leaves began with that of `first`. Throws `not_found`, `invalid_input`.
   */
  proveConsistency(q: { first: number; second: number }): Promise<Buffer[]>
  /** The C2SP verifier key of the log. */
  logKey(): Promise<string>
  putCosignature(cosignature: StoredCosignature): Promise<void>
  newestCosigned(witnesses: string[]): ReturnType<CosignatureStore['newest']>
  checkpointsWithWitnesses(q: { before: number; limit: number }): ReturnType<CosignatureStore['checkpoints']>
  /** The newest first, some at once; those that nobody cosigned are left out. */
  cosignedHeads(q: { above: number; below: number }): Promise<CosignedHead[]>
  putContradiction(found: Omit<Contradiction, 'id'>): Promise<boolean>
  contradictions(): Promise<Contradiction[]>
  nextTimeStampBatch(limit: number): Promise<TimeStampBatch | undefined>
  putTimeStamp(q: { batch: TimeStampBatch; answer: TimeStampAnswer; now: number }): Promise<void>
  /**
   * Does one slice of work that can wait: tiles, parts, marks, old replay keys. Resolves to true when there
   * is more to do.
   */
  maintain(q: { now: number; elapsed: number; oldestArrival: number | undefined }): Promise<boolean>
  checkpoints(limit: number): Promise<StoredCheckpoint[]>
  checkpointOf(size: number): Promise<StoredCheckpoint | undefined>
  erasedBelow(size: number): Promise<number>
  leavesAmong(indexes: number[]): Promise<number[]>
  countedDays(q: { before: number; limit: number }): Promise<CountedDay[]>
  countsOf(q: { index: number; clearance: Clearance }): Promise<StoredCounts | undefined>
  /** The heads among `limit` records from `first` on. */
  auditHeads(q: { first: number; limit: number }): Promise<AuditHead[]>
  /** Resolves to false when a head with at least as many audit records is there already. */
  putAuditHead(q: { head: AuditHead; now: number }): Promise<boolean>
  /** The certificates that signed these documents, in DER. */
  signersOf(q: { firstId: number; lastId: number }): Promise<Buffer[]>
  newestEvidenceRecord(): Promise<StoredEvidenceRecord | undefined>
  /** The oldest over a tree head that covers this index. */
  evidenceRecordCovering(index: number): Promise<StoredEvidenceRecord | undefined>
  /**
   * Those with an evidence record, the smallest first, some at once; those that nobody cosigned are left out.
   */
  cosignedHeadsWithRecord(above: number): Promise<CosignedHead[]>
  dueEvidenceRecords(q: { now: string; limit: number }): Promise<StoredEvidenceRecord[]>
  putEvidenceRecord(row: Tables['evidence_record']): Promise<void>
  replaceEvidenceRecord(q: { before: Buffer; row: Tables['evidence_record'] }): Promise<void>
  /**
   * Closes open intents of this node that are not under way. Resolves to their number and to the others that
   * are open.
   */
  recover(q: { now: number; underWay: number[] }): Promise<{ closed: number; open: number[] }>
  /** Adds a name to `formerNodes`. */
  takeOver(node: string): Promise<void>
  /** `id`: the new key, which lies in the folder already. */
  rotateKey(q: { now: number; id: string | undefined }): Promise<NewLogKey>
  logKeys(): Promise<LogKeyState[]>
  referredBodyFiles(names: string[]): Promise<string[]>
  /** For the start: deletes the segments of this node and of former ones to which no record refers. */
  sweepSegments(): Promise<void>
  close(): Promise<void>
}

export type GroupMessage = { group: number; count: number; bytes?: Uint8Array }
/** `method` is one of WorkerApi or of a part. */
export type CallMessage = { call: number; method: string; argument: unknown }
export type ToWorker = GroupMessage | CallMessage

export type GroupAnswer = {
  group: number
  state: LogState
  faults: [position: number, fault: CrossedFault][]
  failed?: CrossedFault
}
export type CallAnswer = { call: number; state: LogState; result?: unknown; failed?: CrossedFault }
/** `methods` are the names of the parts' methods. */
export type FromWorker =
  | { ready: LogState; methods: string[] }
  | { failed: CrossedFault }
  | GroupAnswer
  | CallAnswer

/** Bytes of a result: index (8, float), leaf (32), unused (8). */
export const RESULT_SIZE = 48
export const MAX_GROUP = 1024
