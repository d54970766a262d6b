/**
 * The source from which a verifier reads a log: this server's database, or an export. Everything is read in
 * order, so memory use stays constant.
 */
import type { KeyObject } from 'node:crypto'
import type { Certificate } from '#core/certificate/certificate.ts'
import type { WitnessPolicy } from '#core/merkle/witness-policy.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { StoredCosignature } from '../../../message-log/cosignatures/store.ts'
import type { StoredCounts } from '../../../message-log/daily-counts/store.ts'
import type { StoredEvidenceRecord } from '../../../message-log/evidence-renewal/store.ts'
import type { Head } from '../../../message-log/hot-store.ts'
import type { KeyFinder } from '../../../message-log/records/open-record.ts'
import type { StoredForm, StoredRecord } from '../../../message-log/records/store.ts'
import type { StoredTimeStamp } from '../../../message-log/time-stamps/store.ts'
import type { StoredCheckpoint } from '../../../message-log/tree/store.ts'
import type { FoundRow } from '../../../reading/index/search-filter.ts'
import type { NamedTerms, SearchTerms } from '../../../reading/index/terms-store.ts'

export type StoredLogKey = { id: string; idx: number; time: string; checkpoint_key: Buffer }

export type LogSource = {
  /** In the order of indexes, starting at `first`. */
  records(first?: number): AsyncIterable<StoredRecord>
  /** In the order of ids, those greater than `after`. */
  documents(after?: number): AsyncIterable<{ id: number; digest: Buffer }>
  /** In the order of the last covered document, those greater than `after`. */
  timeStamps(after?: number): AsyncIterable<StoredTimeStamp>
  /** In the order of sizes, those greater than `after`. */
  checkpoints(after?: number): AsyncIterable<StoredCheckpoint>
  /** In the order of sizes, those greater than `after`. Absent in an export without cosignatures. */
  cosignatures?(after?: number): AsyncIterable<StoredCosignature>
  /** In the order of sizes. Absent in an export without evidence records. */
  evidenceRecords?(): AsyncIterable<StoredEvidenceRecord>
  /** A complete signature document. */
  document(id: number): Promise<{ digest: Buffer; document: Buffer } | undefined>
  form(idx: number): Promise<StoredForm | undefined>
  erasure(idx: number): Promise<{ idx: number; erasure_idx: number; time: string } | undefined>
  /** The second erasure of a record, which removed what the first one had left. */
  proofErasure(idx: number): Promise<{ idx: number; erasure_idx: number; time: string } | undefined>
  /** The part of the record that an erasure kept. */
  remainder(idx: number): Promise<{ seed: Buffer; content: Buffer } | undefined>
  /** The counts of this record, with all rows complete. Absent in an export. */
  dailyCounts?(idx: number): Promise<StoredCounts | undefined>
  /** The circumstances with this hash (base64). Absent in an export. */
  circumstances?(digest: string): Promise<Buffer | undefined>
  /** The search index up to `end`, where it stopped when reading began. Absent in an export. */
  search?: {
    end: number
    /** Rows before this record may have no hashes of user ids and represented parties. */
    actorsFrom: number
    /** In the order of indexes, those greater than `after`. */
    rows(after: number): AsyncIterable<FoundRow>
    /**
     * Contract, purpose and endpoint of a record. Undefined when the document of its circumstances is missing
     * or changed.
     */
    terms(named: NamedTerms): Promise<SearchTerms | undefined>
  }
  logKeys(): Promise<StoredLogKey[]>
  /** The tree when reading began. All ordered reads end there. */
  head(): Promise<Head>
  /** Rows beyond the newest tree head, where none may be. */
  beyond?(): Promise<Problem[]>
  /** Absent in an export, because tiles can be derived from the leaves. */
  tile?(level: number, number: number): Promise<Buffer | undefined>
  /** The log keys that the verifier has, by hexadecimal id. */
  findKey: KeyFinder
  /**
   * The plaintext of a body that is not in its record's row. Undefined when the verifier has no access to it.
   */
  openBody?(reference: { name: string; dataKey: Buffer }): AsyncIterable<Buffer> | undefined
  /**
   * Whether the record was erased since reading began. Then its body file is gone, but the database is still
   * read as it was.
   */
  isErasedNow?(idx: number): Promise<boolean>
}

/**
 * Keys and data from other sources that the verifier trusts. Without them the log is only compared with
 * itself.
 */
export type Trust = {
  /** The log's Ed25519 public key, as DER SubjectPublicKeyInfo. */
  logKey?: Buffer
  /** Keys of the member's signing certificates, any of which may have countersigned. */
  memberKeys?: { name: string; publicKey: KeyObject }[]
  /**
   * Certificates of approved time-stamping authorities. If absent, the certificates stored with the
   * time-stamps are used.
   */
  tsaCertificates?: Certificate[]
  /** The witnesses whose cosignatures are verified, and how many are enough. */
  witnesses?: WitnessPolicy
  /** Checkpoints that others kept: witnesses, partners, an auditor. */
  checkpoints?: string[]
}

export type Problem = {
  /** Index of the record, or where one is missing. */
  index: Whole
  what: string
}

export type LogReport = {
  ok: boolean
  origin: string | undefined
  records: Whole
  signatures: Whole
  timeStamps: Whole
  checkpoints: Whole
  /** Witness lines that verify. 0 without a policy. */
  cosignatures: Whole
  /** How many records are covered by a checkpoint that a quorum of the policy cosigned. */
  witnessed: Whole
  /**
   * `erased`: records whose content was erased. `sealed`: records whose log key the verifier does not have.
   */
  erased: Whole
  sealed: Whole
  /** Erased records whose proof was kept. */
  proofsKept: Whole
  /** Evidence records over tree heads. Each run checks all of them. */
  evidenceRecords: Whole
  /** Signature documents without a time-stamp so far. */
  unstamped: Whole
  /**
   * Sorted by index. From the first one on the log cannot be trusted. At most MAX_PROBLEMS, plus those beyond
   * the head.
   */
  problems: Problem[]
}

export const MAX_PROBLEMS = 100
