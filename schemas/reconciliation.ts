/**
 * Reconciliation on the wire between two security servers: six questions with their answers, and the
 * statement that both members sign. reconciliation.yaml has the same shapes as JSON Schema;
 * docs/reconciliation.md explains them.
 */
import type { Whole } from './sent-values.ts'

/** The path on the listener for peers where a security server is asked. */
export const RECONCILIATION_PATH = '/concordat/reconciliation'
/** The `typ` of the statement's JWS. */
export const STATEMENT_TYPE = 'concordat-reconciliation-statement'

/**
 * What is compared: exchanges (1), receipts of one-way messages too (2), what subscribers fetched from rooms
 * and confirmed too (3).
 */
type ReconciliationVersion = 1 | 2 | 3

/** Limits of all questions and answers. */
export const RECONCILIATION_LIMITS = {
  bytes: 1_048_576,
  /** Entries per page. */
  entries: 1000,
  /** Differences per page. */
  shown: 25,
  /** Exchanges per day of one pair of members and servers. */
  exchanges: 2_000_000,
  /** Findings that a statement lists individually. */
  findings: 200,
} as const

/** Binary values are base64; `members` are the asking server's member and the asked server's member. */
export type OpenQuestion = {
  step: 'open'
  day: string
  members: { own: string; peer: string }
  /** SHA-256 of the nonce that `commit` reveals. */
  nonceCommitment: string
  /**
   * What the asking side can; a server that knows only earlier versions refuses the question. Without it 1.
   */
  version?: 2 | 3
}
/** Without `version` it is 1. */
export type OpenAnswer = { session: string; nonce: string; version?: 2 | 3 } | { statement: string }

export type CommitQuestion = {
  step: 'commit'
  session: string
  nonce: string
  bits: number
  count: number
  commitment: string
  treeHead: string
}
/** Not ready: ask again a little later. */
export type CommitAnswer =
  | { ready: false }
  | { ready: true; count: number; commitment: string; treeHead: string }

export type RevealQuestion = { step: 'reveal'; session: string; blind: string; buckets: string }
export type RevealAnswer = { blind: string; buckets: string }

/** A page of one differing bucket; empty when a side has no more entries. */
export type EntriesQuestion = {
  step: 'entries'
  session: string
  bucket: number
  page: number
  entries: string[]
  last: boolean
}
export type EntriesAnswer = { entries: string[]; last: boolean }

/** A record with its proof of inclusion; the openings are those of docs/message-log-format.md, section 2. */
export type ShownRecord = {
  index: number
  form: string
  path: string[]
  treeHead: string
  message?: Opening
  body?: Opening
}
export type Opening = { key: string; digest: string }

/** A side's records of one difference; only the key if it has none. */
export type Shown = {
  key: string
  requestId?: string
  /** Why there is nothing to compare. */
  without?: 'erased' | 'ids_only'
  records?: ShownRecord[]
}
export type ShowQuestion = { step: 'show'; session: string; page: number; shown: Shown[] }
export type ShowAnswer = { shown: Shown[] }

/** The statement as a JWS: the question has the asking member's signature, the answer both signatures. */
export type ConcludeQuestion = { step: 'conclude'; session: string; statement: string }
export type ConcludeAnswer = { statement: string }

export type ReconciliationQuestion =
  | OpenQuestion
  | CommitQuestion
  | RevealQuestion
  | EntriesQuestion
  | ShowQuestion
  | ConcludeQuestion
export type ReconciliationStep = ReconciliationQuestion['step']

/** The body of a request: the question, and OCSP answers about the certificate of the connection. */
export type ReconciliationEnvelope = { ocspResponses: string[]; question: ReconciliationQuestion }

export type StatementParty = {
  server: string
  member: string
  /** The number of exchanges in its log. */
  exchanges: Whole
  /** The signed tree head of its log at the time of the comparison. */
  treeHead: string
}

export type StatementFinding = {
  class: 'missing' | 'differing' | 'not_comparable'
  /** The side that lacks the exchange, or cannot compare it. */
  at?: 'first' | 'second'
  reason: string
  /** The side whose member is the client. */
  asks: 'first' | 'second'
  /** '' if neither side showed it. */
  requestId: string
}

/** The document about a day that both members sign; `first` is the server with the smaller identifier. */
export type Statement = {
  /** 3 between servers of this version; less with a server of an earlier one. */
  version: ReconciliationVersion
  day: string
  session: string
  first: StatementParty
  second: StatementParty
  counts: {
    matched: Whole
    missingAtFirst: Whole
    missingAtSecond: Whole
    differing: Whole
    notComparable: Whole
    unconfirmed: Whole
  }
  /** The number of findings per reason: "missing_at_first.reply", "unconfirmed.outcome_unknown". */
  reasons: Record<string, number>
  findings: StatementFinding[]
  /** The number of findings that are not listed. */
  omitted: Whole
  /**
   * From version 3 on: how many of the matched are events that a subscriber fetched, and confirmations of
   * such.
   */
  fetched?: { given: number; confirmed: number }
}
