/**
 * The answers of the service `findUsage`, which tells a person who used their data: a tracker writes them, a
 * portal reads them. find-usage.yaml has the same as OpenAPI; docs/tracker.md explains.
 */

import { CONFIRMATION_PATH, NOTICES_PATH } from './notices.ts'

/** The code of the service, in REST and in SOAP (there with version v1). */
export const FIND_USAGE = 'findUsage'

/** The calls that name the person, as `userCode` in the query. */
export const PERSON_CALLS: readonly { method: 'GET' | 'POST' | 'DELETE'; path: string }[] = [
  { method: 'GET', path: '/v2/findUsage' },
  { method: 'GET', path: '/concordat/v1/usages' },
  { method: 'GET', path: '/concordat/v1/proof' },
  { method: 'GET', path: '/concordat/v1/complaints' },
  { method: 'POST', path: '/concordat/v1/complaints' },
  { method: 'POST', path: '/concordat/v1/complaints/reply' },
  { method: 'POST', path: '/concordat/v1/complaints/withdraw' },
  { method: 'GET', path: NOTICES_PATH },
  { method: 'POST', path: NOTICES_PATH },
  { method: 'DELETE', path: NOTICES_PATH },
  { method: 'POST', path: CONFIRMATION_PATH },
]

/** Estonia's data tracker protocol v2. */
export type FindUsageResponse = { totalUsages: number; usages: FoundUsage[] }

export type FoundUsage = {
  logtime: string
  action: string
  receiverCode: string
  receiverName?: string
  receiverSystem: string
}

/** `id` in colon form; `name` of the member in the global configuration. */
export type UsageParty = { id: string; name?: string }

export type UsageContract = { id: string; version: number; title?: string; retentionDays?: number }

/** Texts by language; `und` where the language is not known. */
export type Purposes = Record<string, string>

export type UsageRole = 'provider' | 'consumer'

/** One exchange about the person. What is general has the month as its time and no parties. */
export type Usage = {
  messageId: string
  requestId?: string
  time: string
  role: UsageRole
  client?: UsageParty
  service?: UsageParty
  endpoint?: string
  contract?: UsageContract
  purposes: Purposes
  legalBasis?: string
  fields?: { request?: string[]; response?: string[] }
  outcome: string
  isGeneral?: true
  /** More than 64 people were in the message or its answer. */
  isMass?: true
  /** The number of the person's consent, where the contract demands one. */
  consent?: string
  /** The number of the preview by which the person released the answer, where the contract demands one. */
  preview?: string
  /** Its record could not be read: whether it had one of these is not known. */
  isUnread?: true
  /** `leaf`: base64 of the leaf hash of the request's record. Absent where the use is general. */
  record?: { index: number; leaf: string }
}

/** Queries about many people at once. */
export type MassUse = {
  role: UsageRole
  client?: UsageParty
  service?: UsageParty
  contract?: UsageContract
  purposes: Purposes
  legalBasis?: string
  messages: number
  first: string
  last: string
}

/** How often somebody asked this service about the person. */
type Look = { client: UsageParty; count: number; first: string; last: string }

export type Usages = {
  subsystem: string
  server: string
  totalUsages: number
  usages: Usage[]
  next?: string
  /** There are older uses: ask for an earlier period. */
  isCut?: true
  massUses: MassUse[]
  looks: Look[]
}

export type UsageCoverage = {
  subsystem: string
  server: string
  periodStart: string
  periodEnd: string
  behind: number
  isAll: boolean
  undeclared: { role: UsageRole; service: string; since?: string; exchanges?: number }[]
  notIndexed?: { reason: string; records: number }[]
  calledNotIndexed?: string[]
  declaredLater?: string[]
  ofNobody?: { service: string; path: string }[]
  lostMonths?: string[]
  isCut?: true
  withheld: { month: string; ground: string; exceptions: number }[]
  generalServices?: string[]
}

/** Why a use is strange, to choose from. */
export const COMPLAINT_REASONS = ['not-known', 'no-dealings', 'too-much', 'too-often', 'other'] as const
export type ComplaintReason = (typeof COMPLAINT_REASONS)[number]

/** `answered` until a person adds to it, or an auditor closes it. */
export type ComplaintState = 'received' | 'seen' | 'answered' | 'closed'

/** What an auditor found of the use; `withdrawn` where the person took the complaint back. */
export type ComplaintFinding = 'justified' | 'not-justified' | 'cannot-be-said' | 'withdrawn'

/** How many characters a text of a complaint may have. */
export const COMPLAINT_TEXT = 2000

/** A use is named by `record`, or by `messageId` and `requestId`. */
export type NewComplaint = {
  record?: number
  messageId?: string
  requestId?: string
  reason: ComplaintReason
  text?: string
  wantsAnswer?: boolean
}

/** `isLost`: the key that it is kept under is not there. */
export type ComplaintText = { by: 'person' | 'agency'; at: string; text: string; isLost?: true }

export type Complaint = {
  number: string
  messageId: string
  requestId: string
  /** When the data were used. */
  usedAt: string
  client: UsageParty
  service: UsageParty
  reason: ComplaintReason
  wantsAnswer: boolean
  state: ComplaintState
  receivedAt: string
  seenAt?: string
  answeredAt?: string
  closedAt?: string
  /** By when an answer is due. */
  dueAt: string
  finding?: ComplaintFinding
  texts: ComplaintText[]
}

export type Complaints = {
  subsystem: string
  server: string
  /** For how many days a closed complaint is kept. */
  keepDays: number
  complaints: Complaint[]
}
