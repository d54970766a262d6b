/** What the tracker works with; the list of features passes it in. */
import type { Clock } from '#platform/clock.ts'
import type { Within } from '#platform/database/open-database.ts'
import type { ContractContent } from '#schemas/contract.ts'
import type { MemberId, ServerId } from '#schemas/identifiers.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'
import type { PeerQuota } from '../../peer/peer-quota.ts'
import type { BundleSource } from '../../reading/evidence/write-bundle.ts'
import type { SearchTerms } from '../../reading/index/terms-store.ts'
import type { LogReads } from '../../reading/log-reads.ts'
import type { ComplaintRooms } from './complaints/rooms.ts'
import type { TrackerSettings } from './settings.ts'
import type { TrackerStore } from './store.ts'

/** A request about the person, as the index has it, with what answered it. */
export type PersonUse = SearchTerms & {
  idx: number
  time: string
  /** `in`: this server was the provider. */
  direction: string
  outcome: string
  query_id: string
  request_id: string
  client: string
  service: string
  leaf: Buffer | undefined
  answer: { index: number; outcome: string } | undefined
  isMass: boolean
  isGeneral: boolean
  /** The time that is told. */
  told: string
}

/** Messages about many people, as the index counts them. */
type MassCount = {
  direction: string
  client: string
  service: string
  contract: string
  purpose: string
  secrecy: number
  first_day: string
  last_day: string
  messages: number
}

/** Which exchange is meant: its record in our log, or what both sides call it. */
export type MeantUse = { record: number } | { messageId: string; requestId: string }

/** The last row with its own time, and how many in general terms came after it. */
export type UsesPosition = { row: { time: string; idx: number } | undefined; general: number }

type UsesPage = {
  total: number
  rows: PersonUse[]
  looks: { client: string; count: number; first: string; last: string }[]
  /** There are older uses that are not told. */
  isCut: boolean
  next: UsesPosition | undefined
}

type Person = { type: string; identifier: string; client: string }

export type UsesQuestion = {
  subsystem: string
  from?: string | undefined
  to?: string | undefined
  withheld: { records: number[]; contracts: string[]; agreed: string[] }
  general: string[]
  givenOnly: boolean
  offset: number
  after?: UsesPosition | undefined
  /** This request alone. */
  only?: MeantUse | undefined
  limit: number
}

/** `isForgotten`: its entries were deleted, because its key was destroyed. */
type IndexedMonth = { month: string; isForgotten: boolean }

/** The index by person. */
export type PersonUses = {
  /** `entries`: the person, as each month of the index has them, the newest last. */
  page(person: Person, q: UsesQuestion): Promise<UsesPage & { entries: string[] }>
  entriesOf(person: Person): Promise<string[]>
  massUses(q: {
    subsystem: string
    from?: string | undefined
    to?: string | undefined
    limit: number
  }): Promise<MassCount[]>
  coverage(): Promise<{
    months: IndexedMonth[]
    backlog: { records: number; since: string | null }
  }>
  coverageOf(q: { subsystem: string; type: string }): Promise<{
    gaps: { service: string; reason: string; since: string; records: number }[]
    more: boolean
    months: IndexedMonth[]
    backlog: { records: number; since: string | null }
    /** Indexed months of which questions find nothing, or not all. */
    lostMonths: string[]
    /** Services with a place that was declared after calls of them had been indexed, in colon form. */
    declaredLater: string[]
  }>
  servicesCalledBy(subsystem: string): Promise<string[]>
  isAnswering(): Promise<boolean>
  places: {
    list(service?: string): Promise<{ id: number; service: string; in: string; path: string }[]>
    add(
      service: string,
      place: { method: string; path: string; in: 'query' | 'header' | 'none'; name: string; type: string },
      q: { by: string; at: string },
    ): Promise<number>
    delete(id: number): Promise<void>
  }
}

/** Who asks about their own notices, and where. */
export type NoticeAsker = { client: string; subsystem: string; type: string; identifier: string }

/** What the feature of notices answers. What is refused is thrown. */
export type NoticePaths = {
  list(asker: NoticeAsker): Promise<object>
  ask(asker: NoticeAsker, body: unknown): Promise<object>
  confirm(asker: NoticeAsker, body: unknown): Promise<object>
  /** One wish, or all of the person at this subsystem. */
  end(asker: NoticeAsker, id: string | undefined): Promise<object>
  /**
   * Tells the person of a complaint, as the index has them, that it was answered or closed, if they want
   * that. `within`: the transaction by which it was.
   */
  answeredComplaint(complaint: { subsystem: string; subject: string }, within: Within): Promise<void>
  /** By the token of a letter, without a person. */
  stop(subsystem: string, body: unknown): Promise<object>
}

/** How a tracker tells, for those who tell of themselves. */
export type TrackerFilter = {
  /** Whether the subsystem has a tracker now. */
  isOn(subsystem: string): boolean
  /**
   * What is withheld and what is told in general terms today; `nextEnd`: when the first of what is withheld
   * is told.
   */
  filterFor(
    subsystem: string,
  ): Promise<Pick<UsesQuestion, 'subsystem' | 'general' | 'withheld'> & { nextEnd: string | undefined }>
  /** From now on these answer what people ask about notices. */
  answerNotices(paths: NoticePaths): void
}

/** How members are called, by the configuration of this moment. */
type MemberNames = {
  current(): { indexFor(instance: string): { memberName(member: MemberId): string | undefined } | undefined }
}

/** What is needed to tell uses. */
export type TellingRooms = Pick<
  TrackerRooms,
  | 'server'
  | 'clock'
  | 'store'
  | 'personUses'
  | 'globalConfiguration'
  | 'contractOf'
  | 'contentsOf'
  | 'consentsOf'
  | 'previewsOf'
  | 'log'
> & { settings: Pick<TrackerSettings, 'language'> }

/**
 * Which of these calls there are, by request id, service and client; with the number that each record names,
 * where calls have one: a request id can be that of calls under many.
 */
type NumbersOfCalls = (
  person: { type: string; identifier: string },
  calls: { requestId: string; time: string; number?: string | undefined }[],
) => Promise<Map<string, string[]>>

export type TrackerRooms = {
  server: ServerId
  clock: Clock
  settings: TrackerSettings
  personUses: PersonUses
  globalConfiguration: MemberNames
  localSystems: LocalSystems
  store: TrackerStore
  quota: PeerQuota
  /** The content of a contract by `<id>/<version>`. */
  contractOf(version: string): Promise<ContractContent | undefined>
  /** All versions of these contracts that were ever in force. */
  contentsOf(contracts: readonly string[]): Promise<ContractContent[]>
  /** The contracts in force here. */
  contracts(): ContractContent[]
  bundle(log: BundleSource['log']): BundleSource
  log: BundleSource['log'] & Pick<LogReads, 'extras'>
  complaints: ComplaintRooms
  /** Undefined where the settings have no notices. */
  notices(): NoticePaths | undefined
  /** The calls about this person that were made under consents. */
  consentsOf: NumbersOfCalls
  /** Those whose answers the person saw first. */
  previewsOf: NumbersOfCalls
  count(answer: 'answered' | 'refused' | 'failed'): void
}
