/**
 * What a security server tells the registry of itself every minute, and what it is told in return. Ids stand in their text
 * form, times in ISO form with milliseconds.
 */
import type { DocumentHead } from './management-request.ts'

/** The `typ` of each document's JWS: one cannot stand for another. */
export const FLEET_DOCUMENT = {
  report: 'concordat-server-report',
  answer: 'concordat-server-report-answer',
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
