/**
 * One use of a person's data, as one of its two sides tells it, and what that side says besides. Everything
 * here was checked.
 */
import type { System } from '../asking/find-systems.ts'

/**
 * An organisation's system or service: its identifier "DEV/GOV/1002/tax" and the names by which people know
 * it.
 */
export type Party = { id: string; name: string; owner: string }

export type Contract = { id: string; version: number; title?: string; retentionDays?: number }

export type Side = 'provider' | 'consumer'

export type Row = {
  /** The system that told it. */
  told: System
  role: Side
  /** What both sides' rows are joined by; '' where there is none. */
  messageId: string
  requestId: string
  /** ISO 8601; of a general row "2026-11". */
  time: string
  /** Undefined where a row is told in general terms. */
  client?: Party
  service?: Party
  /** By language; `und` where it is not known. */
  purposes: Record<string, string>
  legalBasis?: string
  contract?: Contract
  /** What the contract allows to be given. */
  fields: string[]
  outcome: 'given' | 'open' | 'refused'
  /** Many others were in the same message, or in its answer. */
  isMass?: true
  /** The number of the preview in which the person released the answer, at the system that told it. */
  preview?: string
  /** The system could not read whether there was a consent or a preview. */
  isUnread?: true
  /** What `proof` takes; undefined where that system gives none. */
  proof?: number
  /** Base64 of the leaf hash of that record, which ties a proof to this row. */
  leaf?: string
}

/** Queries about many people at once, of which nobody is named. */
export type Mass = {
  told: System
  client?: Party
  service?: Party
  purposes: Record<string, string>
  legalBasis?: string
  messages: number
  first: string
  last: string
}

/** Somebody asked this list about the person, as one system tells it. */
export type Look = { told: System; client: Party; count: number; last: string }

export type Coverage = {
  from: string
  until?: string
  isAll: boolean
  behind: number
  /** Services of which nobody said where the person stands. */
  undeclared: { role: Side; service: string }[]
  unread: number
  withheld: number
  /** Whose rows name no parties. */
  general: number
  /** "2026-09": of which nothing, or not all, can be found. */
  lostMonths: string[]
  /** Services that were called before anybody said where the person stands. */
  declaredLater: number
  /** Services that it called, with exchanges that could not be read. */
  calledUnread: number
  /** Of which two people said that their calls are about nobody. */
  ofNobody: number
  /** There is more that is not covered than is listed. */
  isCut: boolean
}

/** Why a system did not answer, or not to the end. */
export type Why = 'late' | 'busy' | 'refused' | 'unreachable' | 'unreadable' | 'too_large' | 'failing'

/** What one system answered. */
export type Answered = {
  system: System
  /** `plain`: it speaks Estonia's protocol alone, which names one side and no proof. */
  form: 'full' | 'plain'
  rows: Row[]
  masses: Mass[]
  looks: Look[]
  coverage?: Coverage
  /** Rows that could not be meant: of others, malformed, told twice. */
  dropped: number
  /** It has older rows than it tells at once. */
  hasOlder: boolean
  /** Undefined where all rows came. */
  cut?: { total: number; why: Why | 'bound' }
}

export type Failed = { system: System; why: Why }
