/**
 * Audit orders on the wire: the authority's order, the registry's list for each server, and a server's
 * answer. Identifiers are in text form, times in ISO form with milliseconds, binary values in base64.
 */
import type { FoundRecord } from './found-record.ts'
import type { DocumentHead } from './management-request.ts'
import type { Time, Uuid, Whole } from './sent-values.ts'

/** The newest form of orders. */
export const AUDIT_FORM = 2

/** The `typ` of each document's JWS, so that no document can pass for another kind. */
export const AUDIT_DOCUMENT = {
  order: 'concordat-audit-order',
  query: 'concordat-audit-order-query',
  list: 'concordat-audit-order-list',
  answer: 'concordat-audit-answer',
} as const

/** A record must match every given field; for a list, one of its values. */
export type AuditScope = {
  /** Members or subsystems that are client or provider. */
  parties?: string[]
  services?: string[]
  /** UUID of a service contract, for all its versions; in the second form also "<uuid>/<version>". */
  contract?: string
  /** Second form: purposes of the applicable contracts, compared as exact texts. */
  purposes?: string[]
  /** Second form: endpoints as declared or granted, "GET /persons/*". */
  endpoints?: string[]
  /** Bounds for the times of records: `from` inclusive, `to` exclusive. */
  from: Time
  to: Time
}

/** Signed with the authority's key, which servers and registry identify by the SHA-256 of its certificate. */
export type AuditOrder = {
  /**
   * Absent in the first form. A server that does not know the form refuses the order, so it never answers
   * more broadly than asked.
   */
  version?: typeof AUDIT_FORM
  id: Uuid
  createdAt: Time
  instance: string
  authority: string
  case: string
  legalBasis: string
  /** Each server must answer before this time. */
  deadline: Time
  servers: string[]
  scope: AuditScope
  /** How many records in scope are drawn and shown with evidence. 0: only metadata. */
  sample: Whole
  /** X25519 public key to which answers are sealed. */
  recipient: string
}

/**
 * `has`: hashes of the most urgent orders that the server has received and not answered; the list leaves them
 * out.
 */
export type AuditQuery = DocumentHead & { server: string; has?: string[] }

/**
 * `seed`: the first checkpoint of the server's log that the registry's witness cosigned after the server had
 * the order, with only this cosignature.
 */
export type ListedOrder = { order: string; receivedAt: string; seed: string }

export type AuditOrderList = {
  instance: string
  server: string
  /** The id of the query. */
  answers: string
  generatedAt: Time
  orders: ListedOrder[]
}

export const AUDIT_OUTCOMES = ['answered', 'refused'] as const
type AuditOutcome = (typeof AUDIT_OUTCOMES)[number]

/** Signed by the server's owner. */
export type AuditAnswer = DocumentHead & {
  server: string
  /** SHA-256 of the order's RFC 8785 JSON. */
  order: string
  outcome: AuditOutcome
  /** The reason for a refusal. */
  reason?: string
  seed: string
  /** How many records are in scope, and the indexes of the drawn ones. */
  matched: number
  sample: number[]
  /** HPKE (RFC 9180) to the order's recipient; absent when refused. */
  sealed?: { enc: string; ciphertext: string }
}

/** The content of `sealed`, before encryption. */
export type AuditPayload = {
  /** The form of the order. */
  version: 1 | 2
  order: string
  server: string
  seed: string
  /** All records in scope, in the form of the server's search. */
  records: FoundRecord[]
  /** Absent in answers of older servers. */
  coverage?: AuditCoverage
  /** For each drawn record: the evidence bundle of its exchange, or why there is none. */
  bundles: { index: number; bundle?: string; without?: string }[]
}

/** Shows whether the list is complete: what the server searched, limited to what the authority may see. */
export type AuditCoverage = {
  /** The number of messages between the two times of the scope, below the seed's tree size. */
  inPeriod: number
  /**
   * Messages among them that match the rest of the scope but do not state their contract's purpose or their
   * endpoint: the number, the first and the last index.
   */
  unsaid: number
  firstUnsaid?: number
  lastUnsaid?: number
}

export const AUDIT_LIMITS = {
  orderBytes: 64 * 1024,
  answerBytes: 8 * 1024 * 1024,
  /**
   * Bounds the sealed payload. Base64 twice turns 9 octets into 16, and seed, certificates and OCSP answers
   * are added.
   */
  payloadBytes: 4_500_000,
  sample: 20,
  matched: 2000,
  servers: 200,
  parties: 50,
  purposes: 10,
  endpoints: 50,
  /** The most days that a scope may cover, and that an order may wait for an answer. */
  days: 400,
  deadlineDays: 92,
  /** The most orders in one answer to a query, and in the `has` of a query. */
  listed: 10,
  held: 200,
} as const
