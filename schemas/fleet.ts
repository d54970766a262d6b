/**
 * A security server's report to the registry every minute, and the registry's answer. Identifiers are in text
 * form, times in ISO form with milliseconds.
 */
import type { DocumentHead } from './management-request.ts'
import type { Time } from './sent-values.ts'

/** The `typ` of each document's JWS, so that no document can pass for another kind. */
export const FLEET_DOCUMENT = {
  report: 'concordat-server-report',
  answer: 'concordat-server-report-answer',
  calls: 'concordat-call-counts',
  callsAnswer: 'concordat-call-counts-answer',
} as const

export const OCSP_STATES = ['good', 'revoked', 'unknown', 'stale', 'none'] as const

export type ReportedCertificate = {
  sha256: string
  usage: 'AUTHENTICATION' | 'SIGNING'
  /** The member, for a signing certificate. */
  member?: string
  /** SHA-256 of the certificate of the issuing CA; absent if the configuration does not have that CA. */
  authority?: string
  notAfter: Time
  ocsp: (typeof OCSP_STATES)[number]
  ocspFailure?: string
}

export type ServerReport = DocumentHead & {
  server: string
  version: string
  /** The server's current configuration; `failure` is that of the last attempt to fetch it. */
  configuration: { index?: number; fetchedAt?: Time; expiresAt?: Time; failure?: string }
  timeStamping: { oldestUnstamped?: string; failure?: string }
  /** Active certificates only. */
  certificates: ReportedCertificate[]
  /** How far the server's clock is ahead of the registry's, according to the last answer. */
  clockErrorMs?: number
}

/** An announcement to people about something that does not work. */
export type Outage = { id: number; message: string; from: string; until: string }

/** Signed with a configuration signing key. It answers one report, so an older answer cannot replace it. */
export type ReportAnswer = {
  instance: string
  server: string
  /** The id of the report. */
  answers: string
  generatedAt: Time
  outages: Outage[]
}

export const MOST_CERTIFICATES = 200
export const MOST_OUTAGES = 20

/**
 * How exchanges ended: `answered` with the provider's answer, `failed` without one or with a fault, `refused`
 * before they reached its system.
 */
export type CallOutcomes = { answered: number; failed: number; refused: number }

/** The exchanges of one pair on one day, according to the log of a server at one end. */
export type ReportedCalls = CallOutcomes & {
  /** The end at which the counting server is. */
  side: 'consumer' | 'provider'
  consumer: string
  service: string
}

/** One server's exchanges on one day (UTC); an id may occur once per side. */
export type CallCounts = DocumentHead & {
  server: string
  /** 2026-11-26 */
  day: string
  /** Whether the day is over and the log has all of it. */
  settled: boolean
  calls: ReportedCalls[]
  /** Exchanges whose parties are not named. */
  rest: CallOutcomes
}

/** Signed like the answer to a report. `missing`: days that the registry wants, newest first. */
export type CallCountsAnswer = {
  instance: string
  server: string
  answers: string
  generatedAt: Time
  missing: string[]
}

/** The most pairs that are named per day: those with the most exchanges. */
export const MOST_CALLS = 200
/** The maximum length of a named id; exchanges with longer ids are counted in `rest`. */
export const MOST_CALL_ID = 400
/**
 * The most exchanges of one outcome per day: more than a million a second. So sums over all stored days stay
 * exact.
 */
export const MOST_EXCHANGES = 100_000_000_000
/** How many past days the registry asks for. */
export const CALL_DAYS = 30

export function sumOf(all: CallOutcomes[]): CallOutcomes {
  const sum = { answered: 0, failed: 0, refused: 0 }
  for (const { answered, failed, refused } of all) {
    sum.answered += answered
    sum.failed += failed
    sum.refused += refused
  }
  return sum
}

/** Sort order: most exchanges first. */
export function byCalls(a: CallOutcomes, b: CallOutcomes): number {
  return b.answered + b.failed + b.refused - (a.answered + a.failed + a.refused)
}
