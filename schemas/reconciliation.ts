/**
 * Reconciliation as it crosses the wire between two security servers: six questions with their answers, and the statement
 * that both members sign. reconciliation.yaml has the same shapes as JSON Schema; docs/reconciliation.md explains them.
 */

/** Where a security server is asked, on the listener for peers. */
export const RECONCILIATION_PATH = '/concordat/reconciliation'
/** The `typ` of the statement's JWS. */
export const STATEMENT_TYPE = 'concordat-reconciliation-statement'

/** Bounds of every question and answer. */
export const RECONCILIATION_LIMITS = {
  bytes: 1_048_576,
  /** Entries of one page. */
  entries: 1000,
  /** Differences of one page. */
  shown: 25,
  /** Exchanges of one pair of members and servers a day. */
  exchanges: 2_000_000,
  /** Findings that a statement names one by one. */
  findings: 200,
} as const

/** Binary values are base64; `members` are the asking server's and the asked one's. */
export type OpenQuestion = {
  step: 'open'
  day: string
  members: { own: string; peer: string }
  /** SHA-256 of the nonce that `commit` shows. */
  nonceCommitment: string
}
export type OpenAnswer = { session: string; nonce: string } | { statement: string }

export type CommitQuestion = {
  step: 'commit'
  session: string
  nonce: string
  bits: number
  count: number
  commitment: string
  treeHead: string
}
/** Not ready: asked again a little later. */
export type CommitAnswer =
  | { ready: false }
  | { ready: true; count: number; commitment: string; treeHead: string }

export type RevealQuestion = { step: 'reveal'; session: string; blind: string; buckets: string }
export type RevealAnswer = { blind: string; buckets: string }

/** A page of one differing bucket. A side that has no more sends none. */
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

/** What a side has of one difference; nothing but the key when it has nothing. */
export type Shown = {
  key: string
  requestId?: string
  /** Why there is nothing to compare. */
  without?: 'erased' | 'ids_only'
  records?: ShownRecord[]
}
export type ShowQuestion = { step: 'show'; session: string; page: number; shown: Shown[] }
export type ShowAnswer = { shown: Shown[] }

/** The statement as a JWS: signed by the asking member alone, answered with both signatures. */
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

/** What goes over the line: the question, and the status of the certificate that the connection was made with. */
export type ReconciliationEnvelope = { ocspResponses: string[]; question: ReconciliationQuestion }

export type StatementParty = {
  server: string
  member: string
  /** How many exchanges its log has. */
  exchanges: number
  /** The signed tree head of its log when it was compared. */
  treeHead: string
}

export type StatementFinding = {
  class: 'missing' | 'differing' | 'not_comparable'
  /** The side that lacks it, or cannot compare it. */
  at?: 'first' | 'second'
  reason: string
  /** The side whose member is the client. */
  asks: 'first' | 'second'
  /** '' when nobody showed it. */
  requestId: string
}

/** What both members sign about a day; `first` is the server with the smaller identifier. */
export type Statement = {
  version: 1
  day: string
  session: string
  first: StatementParty
  second: StatementParty
  counts: {
    matched: number
    missingAtFirst: number
    missingAtSecond: number
    differing: number
    notComparable: number
    unconfirmed: number
  }
  /** How often each reason: "missing_at_first.reply", "unconfirmed.outcome_unknown". */
  reasons: Record<string, number>
  findings: StatementFinding[]
  /** Findings beyond those named. */
  omitted: number
}
