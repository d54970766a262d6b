/** What the management API works with; main.ts hands it in. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import type { WitnessStore } from '#platform/witness/store.ts'
import type { Fault } from '#schemas/fault.ts'
import type { Outage } from '#schemas/fleet.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { SubjectMonths, SubjectSearch } from '#schemas/subject-keys.ts'
import type { AuditOrders } from '../features/audit-orders/create-audit-orders.ts'
import type { FetchDocument } from '../features/clients-and-services/client.ts'
import type { ContentRequests } from '../features/content-requests/create-content-requests.ts'
import type { RecordExports } from '../features/exports/create-exports.ts'
import type { RegistrationClient } from '../features/management-requests/client.ts'
import type { PlacesStore } from '../features/person-search/log/places-store.ts'
import type { SubjectSearchStore } from '../features/person-search/store.ts'
import type { Verifications } from '../features/verification/verifications.ts'
import type { Contracts } from '../global-configuration/contracts/contracts.ts'
import type { GlobalConfiguration } from '../global-configuration/global-configuration.ts'
import type { Keys } from '../keys/keys.ts'
import type { LocalService, LocalSystems } from '../local-systems/local-systems.ts'
import type { MessageLog } from '../message-log/message-log.ts'
import type { ReadableLog } from '../reading/readable-log.ts'

/** The part of the log that tells of no record: those are read by `logFor`. */
type AdminLog = Pick<
  MessageLog,
  | 'checkpoints'
  | 'retention'
  | 'size'
  | 'treeHead'
  | 'oldestUnstamped'
  | 'checkUsable'
  | 'checkpointNow'
  | 'timeStampNow'
  | 'witnesses'
  | 'subjects'
  | 'auditHeads'
> & {
  /** Verifies the whole log; refused as `service_unavailable` where main.ts hands none in. */
  verify?(): Promise<unknown>
  /** Its daily verification; refused likewise. */
  verifications?: Verifications
}

type Contradiction = { server: string; time: string; kind: string; known_note: string; seen_note: string }

/** What this server has to do with witnesses; main.ts hands it in. */
export type WitnessView = {
  /** The C2SP tlog-policy file by which cosignatures are enough; absent when nobody witnesses our log. */
  policyText?: string | undefined
  /** Absent when nobody witnesses our log. */
  witnesses:
    | { submit(): Promise<void>; witnessed(): unknown; state(): unknown[]; health(): Finding }
    | undefined
  /** Whether witnesses of these names are enough. */
  hasQuorum(names: string[]): boolean
  /** Absent when this server is no witness. */
  witness: { verifierKey: string } | undefined
  store: Pick<WitnessStore, 'logs' | 'refusals'>
  partners: {
    heads(): Promise<{ server: string; size: number; time: string; note: string }[]>
    contradictions(): Promise<Contradiction[]>
    unproven(): unknown[]
  }
}

/** A day compared with another server, as it is stored; ids in text form, JSON texts, '' for what is not there. */
export type ReconciledDay = {
  id: number
  day: string
  own_member: string
  peer_member: string
  peer_server: string
  state: string
  statement: string
  counts: string
  error: string
  attempts: number
  changed_at: string
}
export type CaseState = 'open' | 'explained' | 'closed'
export type ReconciliationCase = {
  id: number
  reconciliation: number
  state: string
  request_id: string
  finding: string
  own_proof: string
  peer_proof: string
  peer_proof_holds: number
  note: string
  opened_at: string
  changed_at: string
  changed_by: string
  assignee: string | null
}
type ReconciliationFilter = {
  clearance: number
  before?: number
  limit: number
  day?: string
  member?: string
  state?: string
}

/** The part of reconciliation that people use; `get` and `getCase` throw `not_found`. */
type AdminReconciliation = {
  days: {
    list(q: ReconciliationFilter): Promise<ReconciledDay[]>
    get(id: number, clearance: number): Promise<ReconciledDay>
  }
  cases: {
    listCases(
      q: ReconciliationFilter & { requestId?: string; assignee?: string },
    ): Promise<{ of: ReconciledDay; found: ReconciliationCase }[]>
    getCase(id: number, clearance: number): Promise<ReconciliationCase>
    changeCase(id: number, q: { state: string; note: string; by: string; now: string }): Promise<void>
    assign(id: number, assignee: string | null): Promise<void>
    open(): Promise<{ cases: number; unanswered: number }>
  }
}

/** Searches by person; `keys` is absent where no key holder is configured. */
type AdminSubjects = {
  places: PlacesStore
  searches: SubjectSearchStore
  keys:
    | {
        evaluateSearch(search: SubjectSearch): Promise<SubjectMonths>
        state(): Promise<{
          months: { month: string; createdAt: string | null; destroyedAt: string | null }[]
          oldestKept: string
          mark: number
        }>
      }
    | undefined
}

export type AdminRooms = {
  server: ServerId
  clock: Clock
  keys: Keys
  globalConfiguration: GlobalConfiguration
  contracts: Contracts
  localSystems: LocalSystems
  messageLog: AdminLog
  /** The log's records, as this caller may see them. */
  logFor(caller: Pick<Caller, 'roles'>): ReadableLog
  /** When the content of a record was erased (null: it was not, or there is none), and what the erasures of it say. */
  erasuresOf(index: number): Promise<{ goneAt: string | null; said: Record<string, string>[] }>
  /** Connections to others, tried without a message, and which of them failed when they were last tried. */
  reach: {
    peer(server: ServerId): Promise<void>
    troubles(): { server: ServerId; at: number; fault: Fault }[]
    system(service: LocalService): Promise<void>
  }
  reconciliation: AdminReconciliation
  witnessing?: WitnessView | undefined
  jobs: Pick<Jobs, 'state' | 'enqueue'>
  exports: RecordExports
  subjects?: AdminSubjects | undefined
  /** Absent where no registry of ours sends them. */
  auditOrders?: AuditOrders | undefined
  /** What the registry told; nothing where it is no registry of ours. */
  registryReports?: { outages(): Outage[]; clockErrorMs(): number | undefined } | undefined
  apiKeys: ApiKeys
  audit: AuditLog
  people: PeopleStore
  contentRequests: ContentRequests
  fetchDocument: FetchDocument
  registration: RegistrationClient
}
