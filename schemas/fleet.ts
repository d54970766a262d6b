/**
 * What a security server tells the registry of itself every minute, and what it is told in return. Ids stand in their text
 * form, times in ISO form with milliseconds.
 */
import type { DocumentHead } from './management-request.ts'

/** The `typ` of each document's JWS: one cannot stand for another. */
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
  /** Whose signing certificate it is. */
  member?: string
  /** SHA-256 of the certificate of the CA that issued it; absent when the configuration does not name that CA. */
  authority?: string
  notAfter: string
  ocsp: (typeof OCSP_STATES)[number]
  ocspFailure?: string
}

export type ServerReport = DocumentHead & {
  server: string
  version: string
  /** The configuration that the server goes by; `failure` is of the last attempt to fetch it. */
  configuration: { index?: number; fetchedAt?: string; expiresAt?: string; failure?: string }
  timeStamping: { oldestUnstamped?: string; failure?: string }
  /** Active ones. */
  certificates: ReportedCertificate[]
  /** How far the server's clock is ahead of the registry's, as far as the last answer told. */
  clockErrorMs?: number
}

/** What people have to know while something does not work. */
export type Outage = { id: number; message: string; from: string; until: string }

/** Signed by a configuration signing key; it answers one report, so no older one can stand for it. */
export type ReportAnswer = {
  instance: string
  server: string
  /** The id of the report. */
  answers: string
  generatedAt: string
  outages: Outage[]
}

export const MOST_CERTIFICATES = 200
export const MOST_OUTAGES = 20

/** How exchanges ended: with the provider's answer, with none or with a fault, or refused before they reached its system. */
export type CallOutcomes = { answered: number; failed: number; refused: number }

/** The exchanges of one pair on one day, as the log of a server at one of its ends has them. */
export type ReportedCalls = CallOutcomes & {
  /** At which end the server that counts them is. */
  side: 'consumer' | 'provider'
  consumer: string
  service: string
}

/** What one server exchanged on one day (UTC); an id may stand in it once for each side. */
export type CallCounts = DocumentHead & {
  server: string
  /** 2026-11-26 */
  day: string
  /** The day is over, and the log has all of it. */
  settled: boolean
  calls: ReportedCalls[]
  /** Exchanges whose parties are not told. */
  rest: CallOutcomes
}

/** Signed like the answer to a report. `missing`: days that the registry would have, the newest first. */
export type CallCountsAnswer = {
  instance: string
  server: string
  answers: string
  generatedAt: string
  missing: string[]
}

/** Pairs of a day that are named, those with the most exchanges. */
export const MOST_CALLS = 200
/** Of an id that is named; exchanges of those with a longer one are among the rest. */
export const MOST_CALL_ID = 400
/** Exchanges of one outcome that anybody has in a day: more than a million a second. Sums of all that is kept stay exact. */
export const MOST_EXCHANGES = 100_000_000_000
/** Days before the running one that the registry asks for. */
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

/** For a sort: those with the most exchanges first. */
export function byCalls(a: CallOutcomes, b: CallOutcomes): number {
  return b.answered + b.failed + b.refused - (a.answered + a.failed + a.refused)
}
