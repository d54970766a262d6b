/**
 * Audit orders as they cross the wire: what an authority orders, what the registry hands to each server, what a server answers.
 * Ids stand in their text form, times in ISO form with milliseconds, octets in base64.
 */
import type { FoundRecord } from './found-record.ts'
import type { DocumentHead } from './management-request.ts'

/** The newest form of orders. */
export const AUDIT_FORM = 2

/** The `typ` of each document's JWS: one cannot stand for another. */
export const AUDIT_DOCUMENT = {
  order: 'concordat-audit-order',
  query: 'concordat-audit-order-query',
  list: 'concordat-audit-order-list',
  answer: 'concordat-audit-answer',
} as const

/** Of parties, services, contract, purposes and endpoints every one that is given has to fit; of several values one. */
export type AuditScope = {
  /** Members or subsystems, as client or provider. */
  parties?: string[]
  services?: string[]
  /** UUID of a service contract, all its versions; in the second form also "<uuid>/<version>". */
  contract?: string
  /** Second form: purposes of the contracts that held, exactly. */
  purposes?: string[]
  /** Second form: as they are declared or granted, "GET /persons/*". */
  endpoints?: string[]
  /** Times of records: inclusive and exclusive. */
  from: string
  to: string
}

/** Signed by the authority's key, which servers and registry know by the SHA-256 of its certificate. */
export type AuditOrder = {
  /** Absent in the first form. Who does not know a form refuses it, and never answers less narrowly than was asked. */
  version?: typeof AUDIT_FORM
  id: string
  createdAt: string
  instance: string
  authority: string
  case: string
  legalBasis: string
  /** Until when each server has to answer. */
  deadline: string
  servers: string[]
  scope: AuditScope
  /** How many records are drawn of those in scope, with evidence; 0: their metadata alone. */
  sample: number
  /** X25519 public key: answers are sealed to it. */
  recipient: string
}

/** `has`: the hashes of orders that the server has and has not answered, the most urgent ones; the list leaves them out. */
export type AuditQuery = DocumentHead & { server: string; has?: string[] }

/** `seed`: the first checkpoint of the server's log that the registry's witness cosigned after it had the order, with this cosignature alone. */
export type ListedOrder = { order: string; receivedAt: string; seed: string }

export type AuditOrderList = {
  instance: string
  server: string
  /** The id of the query. */
  answers: string
  generatedAt: string
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
  /** Why it was refused. */
  reason?: string
  seed: string
  /** How many records are in scope, and which were drawn. */
  matched: number
  sample: number[]
  /** HPKE (RFC 9180) to the order's recipient; absent when refused. */
  sealed?: { enc: string; ciphertext: string }
}

/** What is sealed. */
export type AuditPayload = {
  /** The form of its order. */
  version: 1 | 2
  order: string
  server: string
  seed: string
  /** All that are in scope, as the server's search has them. */
  records: FoundRecord[]
  /** Absent in what older servers answered. */
  coverage?: AuditCoverage
  /** Of each drawn record the evidence bundle of its exchange, or why there is none. */
  bundles: { index: number; bundle?: string; without?: string }[]
}

/** Is this all? What the server looked through for the list, of what the authority may see. */
export type AuditCoverage = {
  /** Messages between the two times of the scope, below the seed. */
  inPeriod: number
  /** Those among them that fit all else, and do not say their contract's purpose or their endpoint; how many, the first and the last. */
  unsaid: number
  firstUnsaid?: number
  lastUnsaid?: number
}

export const AUDIT_LIMITS = {
  orderBytes: 64 * 1024,
  answerBytes: 8 * 1024 * 1024,
  /** Of what is sealed: base64 twice makes 16 octets of 9, and seed, certificates and OCSP answers come on top. */
  payloadBytes: 4_500_000,
  sample: 20,
  matched: 2000,
  servers: 200,
  parties: 50,
  purposes: 10,
  endpoints: 50,
  /** A scope covers at most so many days, and an order waits at most so many for an answer. */
  days: 400,
  deadlineDays: 92,
  /** Orders that one answer to a query holds, and that a query names as known. */
  listed: 10,
  held: 200,
} as const
