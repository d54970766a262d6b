/**
 * The log for callers that look for records: searches, counts, leaf forms, and the evidence of one record.
 */
import type { ContainerParts } from '#core/container/container.ts'
import { asFault } from '#schemas/fault.ts'
import { type ClientId, idText } from '#schemas/identifiers.ts'
import type { MessageLog } from '../message-log/message-log.ts'
import type { Clearance } from '../message-log/record-input.ts'
import { containerParts } from './evidence/container-parts.ts'
import type { InclusionEvidence } from './evidence/prove-inclusion.ts'
import type { StoredEvidence } from './evidence/read-evidence.ts'
import type { StampProof } from './evidence/read-stamp.ts'
import type { LatencyPage, LatencyQuestion } from './index/latency-store.ts'
import type { SomeRows } from './index/list-by-spans.ts'
import type { FoundRow, RecordFilter, SearchFilter, SearchRow } from './index/search-filter.ts'
import type { TermsQuestion } from './index/terms-store.ts'
import type {
  CallsOfDay,
  HourOfPair,
  PairsQuestion,
  Traffic,
  TrafficOfPairs,
  TrafficQuestion,
} from './index/traffic-store.ts'
import type { ActorMethods } from './index/worker-actors.ts'
import type { ReadingMethods, SearchWindow } from './part.ts'

export type LogReads = Searches & Evidence & ActorMethods

type Searches = {
  /** Records of messages with this query id in which the client is one of the two parties, oldest first. */
  findExchange(queryId: string, client: ClientId): Promise<SearchRow[]>
  /** Newest first, one page at a time. Waits until every record is indexed. */
  list(filter: SearchFilter): Promise<FoundRow[]>
  /**
   * As `list`, but with a time limit: a page that is not full may return `searchedTo`, from where the search
   * can continue.
   */
  listSome(filter: SearchFilter): Promise<SomeRows<FoundRow>>
  /**
   * Searches the next records after `after` and below `size`, oldest first. For reading the whole log in
   * steps. Does not wait for the index.
   */
  window(q: { filter: RecordFilter; after: number; size: number }): Promise<SearchWindow>
  /** The contracts, purposes or endpoints that can be searched for. Waits until every record is indexed. */
  termsThere(q: TermsQuestion): Promise<string[]>
  /** Counts of exchanges, by time and by one of their properties. Waits until every record is indexed. */
  traffic(question: TrafficQuestion): Promise<Traffic>
  /** Counts of exchanges by hour and by client and service. Waits until every record is indexed. */
  trafficOfPairs(question: PairsQuestion): Promise<TrafficOfPairs>
  /** The same, each hour of each pair. Waits until every record is indexed. */
  hoursOfPairs(question: PairsQuestion): Promise<HourOfPair[]>
  /** How long the answers took, by hour and by client and service. */
  latencies(question: LatencyQuestion): Promise<LatencyPage>
  /**
   * The day's exchanges by client and service, for the registry and not for people. Waits until every record
   * is indexed.
   */
  callsOf(q: { day: string; pairs: number }): Promise<CallsOfDay>
  /**
   * Leaf forms in the order of the log, starting at `first`. The Merkle tree is built over them; they contain
   * neither content nor parties. For a record that is more secret than `clearance`, only the leaf is
   * returned.
   */
  forms(q: { first: number; limit: number; clearance: Clearance }): Promise<string[]>
}

type Evidence = {
  /** Everything that is stored about one record. Throws `not_found` and `log_inconsistent`. */
  read(index: number): Promise<StoredEvidence>
  /** `metadata.extra` of each of these records, without the rest; undefined where it cannot be read. */
  extras(indexes: readonly number[]): ReturnType<ReadingMethods['readExtras']>
  /** The parts of X-Road's container. Throws `not_found` when there is no message or no signature. */
  container(index: number): Promise<ContainerParts>
  /**
   * The proof under the tree head of `size`, or under the best cosigned one. If no tree head covers the
   * record yet, makes one first.
   */
  proof(index: number, size?: number): Promise<InclusionEvidence>
  /** The complete time-stamp batch of the record's signature. Undefined while there is none. */
  stampProof(index: number): Promise<StampProof | undefined>
}

/** Records that are opened in one go: what is appended meanwhile waits for no more. */
const AT_ONCE = 20

type ReadFrom = Pick<MessageLog<ReadingMethods>, 'parts' | 'bodies' | 'maintain' | 'size' | 'checkpointNow'>

export function logReads(log: ReadFrom): LogReads {
  const { sealActor, openActors, actorGaps } = log.parts
  return { ...searches(log), ...evidence(log), sealActor, openActors, actorGaps }
}

function searches({ parts, maintain }: ReadFrom): Searches {
  return {
    findExchange: async (queryId, client) => {
      await maintain()
      const party = idText(client)
      const rows = await parts.findByQueryId(queryId)
      return rows.filter((row) => row.client === party || isServiceOf(row.service, party))
    },
    list: async (filter) => {
      await maintain()
      return parts.list(filter)
    },
    listSome: async (filter) => {
      await maintain()
      return parts.listSome(filter)
    },
    window: (q) => parts.window(q),
    termsThere: async (q) => {
      await maintain()
      return parts.termsThere(q)
    },
    traffic: async (question) => {
      await maintain()
      return parts.traffic(question)
    },
    trafficOfPairs: async (question) => {
      await maintain()
      return parts.trafficOfPairs(question)
    },
    hoursOfPairs: async (question) => {
      await maintain()
      return parts.hoursOfPairs(question)
    },
    latencies: (question) => parts.latencies(question),
    callsOf: async (q) => {
      await maintain()
      return parts.callsOf(q)
    },
    forms: async (q) => {
      // The index knows which records are secret.
      await maintain()
      return parts.forms(q)
    },
  }
}

/**
 * Whether the party is the subsystem that provides the service: the service identifier starts with the
 * subsystem's.
 */
function isServiceOf(service: string, party: string): boolean {
  return service.startsWith(`${party}/`) && party.split('/').length === 4
}

function evidence(log: ReadFrom): Evidence {
  const { parts } = log
  return {
    read: (index) => parts.readEvidence(index),
    extras: async (indexes) => {
      const extras: Awaited<ReturnType<typeof parts.readExtras>> = []
      for (let at = 0; at < indexes.length; at += AT_ONCE)
        extras.push(...(await parts.readExtras(indexes.slice(at, at + AT_ONCE))))
      return extras
    },
    container: async (index) => containerParts(await parts.readEvidence(index), log.bodies),
    proof: async (index, size) => {
      try {
        return await parts.proveInclusion({ index, size })
      } catch (thrown) {
        const isNew = size === undefined && index < log.size()
        if (asFault(thrown).code !== 'not_found' || !isNew) throw thrown
      }
      await log.checkpointNow()
      return parts.proveInclusion({ index })
    },
    stampProof: (index) => parts.stampEvidence(index),
  }
}
