/** What a verifier reads a log from: our database, or an export that somebody else holds. Everything comes in order, so memory stays flat. */
import type { KeyObject } from 'node:crypto'
import type { Certificate } from '#core/certificate/certificate.ts'
import type { WitnessPolicy } from '#core/merkle/witness-policy.ts'
import type { StoredCosignature } from '../../../message-log/cosignatures/store.ts'
import type { StoredCounts } from '../../../message-log/daily-counts/store.ts'
import type { StoredEvidenceRecord } from '../../../message-log/evidence-renewal/store.ts'
import type { KeyFinder } from '../../../message-log/open-record.ts'
import type { Head } from '../../../message-log/records/hot-store.ts'
import type { StoredForm, StoredRecord } from '../../../message-log/records/store.ts'
import type { StoredTimeStamp } from '../../../message-log/time-stamps/store.ts'
import type { StoredCheckpoint } from '../../../message-log/tree/store.ts'
import type { FoundRow } from '../../../reading/index/search-filter.ts'
import type { NamedTerms, SearchTerms } from '../../../reading/index/terms-store.ts'

export type StoredLogKey = { id: string; idx: number; time: string; checkpoint_key: Buffer }

export type LogSource = {
  /** By index, from `first` on. */
  records(first?: number): AsyncIterable<StoredRecord>
  /** By id, those behind `after`. */
  documents(after?: number): AsyncIterable<{ id: number; digest: Buffer }>
  /** By last id, those behind `after`. */
  timeStamps(after?: number): AsyncIterable<StoredTimeStamp>
  /** By size, those of more than `after`. */
  checkpoints(after?: number): AsyncIterable<StoredCheckpoint>
  /** By size, those of more than `after`; absent in an export without them. */
  cosignatures?(after?: number): AsyncIterable<StoredCosignature>
  /** By size; absent in an export without them. */
  evidenceRecords?(): AsyncIterable<StoredEvidenceRecord>
  /** One signature document whole. */
  document(id: number): Promise<{ digest: Buffer; document: Buffer } | undefined>
  form(idx: number): Promise<StoredForm | undefined>
  erasure(idx: number): Promise<{ idx: number; erasure_idx: number; time: string } | undefined>
  /** The second erasure of a record, which took what the first had left of it. */
  proofErasure(idx: number): Promise<{ idx: number; erasure_idx: number; time: string } | undefined>
  /** What an erasure left of the record. */
  remainder(idx: number): Promise<{ seed: Buffer; content: Buffer } | undefined>
  /** What the record of this index counted, every row whole; absent in an export. */
  dailyCounts?(idx: number): Promise<StoredCounts | undefined>
  /** The circumstances of exchanges, by their hash (base64); absent in an export. */
  circumstances?(digest: string): Promise<Buffer | undefined>
  /** The search index, as far as it went (`end`) when reading began; absent in an export. */
  search?: {
    end: number
    /** Rows before this record may have no hashes of user ids and represented parties. */
    actorsFrom: number
    /** By index, those behind `after`. */
    rows(after: number): AsyncIterable<FoundRow>
    /** What a record says of contract, purpose and endpoint; undefined when what it names as its circumstances is not whole. */
    terms(named: NamedTerms): Promise<SearchTerms | undefined>
  }
  logKeys(): Promise<StoredLogKey[]>
  /** The tree as it was when reading began: everything that comes in order ends there. */
  head(): Promise<Head>
  /** What stands behind the newest head, where nothing may stand. */
  beyond?(): Promise<Problem[]>
  /** Absent in an export: tiles are derived. */
  tile?(level: number, number: number): Promise<Buffer | undefined>
  /** Log keys by hex id, as far as the verifier has them. */
  findKey: KeyFinder
  /** The plaintext of a body file; undefined when the verifier has no access to body files. */
  openBody?(reference: { name: string; dataKey: Buffer }): AsyncIterable<Buffer>
  /** Whether the record has been erased since reading began: its body file is gone, while all else is read as it was then. */
  isErasedNow?(idx: number): Promise<boolean>
}

/** What the verifier trusts from elsewhere. Without it the log is checked against itself only. */
export type Trust = {
  /** DER SubjectPublicKeyInfo of the log's Ed25519 key. */
  logKey?: Buffer
  /** Keys of the member's signing certificates, any of which may have countersigned. */
  memberKeys?: { name: string; publicKey: KeyObject }[]
  /** Certificates of approved time-stamping authorities; without them, those stored with the stamps. */
  tsaCertificates?: Certificate[]
  /** Whose cosignatures are verified, and how many are enough. */
  witnesses?: WitnessPolicy
  /** Checkpoints that others kept: witnesses, partners, an auditor. */
  checkpoints?: string[]
}

export type Problem = {
  /** The record, or where one should be. */
  index: number
  what: string
}

export type LogReport = {
  ok: boolean
  origin: string | undefined
  records: number
  signatures: number
  timeStamps: number
  checkpoints: number
  /** Lines of witnesses that verify; without a policy none is known. */
  cosignatures: number
  /** So many records stand under a checkpoint that a quorum of the policy cosigned. */
  witnessed: number
  /** Records whose content was erased, and records whose log key the verifier does not have. */
  erased: number
  sealed: number
  /** Of the erased ones those whose proof was kept. */
  proofsKept: number
  /** Evidence records over tree heads, all of which are checked in each run. */
  evidenceRecords: number
  /** Signature documents that have no time-stamp yet. */
  unstamped: number
  /** By index; the first is where the log stops being trustworthy. At most MAX_PROBLEMS. */
  problems: Problem[]
}

export const MAX_PROBLEMS = 100
