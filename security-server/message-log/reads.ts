/** The log as those read it who look for records: searches, counts, tree heads and leaf forms. */
import { type ClientId, idText } from '#schemas/identifiers.ts'
import type { SomeRows } from '../reading/index/list-by-spans.ts'
import type { FoundRow, RecordFilter, SearchFilter, SearchRow } from '../reading/index/store.ts'
import type { TermsQuestion } from '../reading/index/terms-store.ts'
import type { CallsOfDay, Clearance, Traffic, TrafficQuestion } from '../reading/index/traffic-store.ts'
import type { ActorsApi } from '../reading/index/worker-actors.ts'
import type { CountedDay, StoredCounts } from './daily-counts/store.ts'
import type { StoredCheckpoint } from './tree/store.ts'
import type { SearchWindow } from './worker-api.ts'
import type { WorkerClient } from './worker-client.ts'

export type LogReads = ActorReads & {
  /** Records of messages with this query id in which the client is one of the two parties, oldest first. */
  findExchange(queryId: string, client: ClientId): Promise<SearchRow[]>
  /** Newest first, a page at a time; waits until the index holds every record. */
  list(filter: SearchFilter): Promise<FoundRow[]>
  /** The same, and no longer than somebody waits: a page that is not full may say up to where the log was searched. */
  listSome(filter: SearchFilter): Promise<SomeRows<FoundRow>>
  /** What fits among some records after `after` and below `size`, oldest first: for a walk through all of them, in parts. */
  window(q: { filter: RecordFilter; after: number; size: number }): Promise<SearchWindow>
  /** What contracts, purposes or endpoints there are to search for; waits as well. */
  termsThere(q: TermsQuestion): Promise<string[]>
  /** Counts of exchanges, by time and by what they say; waits until the index holds every record. */
  traffic(question: TrafficQuestion): Promise<Traffic>
  /** For the registry, not for people: exchanges of a day by pair; waits until the index holds every record. */
  callsOf(q: { day: string; pairs: number }): Promise<CallsOfDay>
  /** Newest first. */
  checkpoints(limit: number): Promise<StoredCheckpoint[]>
  /** The one of exactly so many records, however many came after it. */
  checkpointOf(size: number): Promise<StoredCheckpoint | undefined>
  /** How many of the first `size` records were erased: no search finds them. */
  erasedBelow(size: number): Promise<number>
  /**
   * Leaf forms in the order of the log, from `first` on: what the tree is over, without content or parties. Of what is more
   * secret than the reader may see it is the leaf alone.
   */
  forms(q: { first: number; limit: number; clearance: Clearance }): Promise<string[]>
  /** Days that were counted, newest first, those whose record stands before `before`. */
  countedDays(q: { before: number; limit: number }): Promise<CountedDay[]>
  /** What the record of this index counted; of rows that are too secret the digest alone. */
  countsOf(q: { index: number; clearance: Clearance }): Promise<StoredCounts | undefined>
}

type ActorReads = {
  /** The term that stands for a user id or represented party in searches, exports and the audit log. */
  sealActor: ActorsApi['sealActor']
  /** Whom terms name. Throws `invalid_input`. */
  openActors: ActorsApi['openActors']
  /** Where searches by user id or represented party find nothing. */
  actorGaps: ActorsApi['actorGaps']
}

/** `maintain` waits until the index holds every record. */
export function logReads(worker: Pick<WorkerClient, 'call'>, maintain: () => Promise<void>): LogReads {
  return {
    findExchange: async (queryId, client) => {
      await maintain()
      const party = idText(client)
      const rows = await worker.call('findByQueryId', queryId)
      return rows.filter((row) => row.client === party || isServiceOf(row.service, party))
    },
    list: async (filter) => {
      await maintain()
      return worker.call('list', filter)
    },
    listSome: async (filter) => {
      await maintain()
      return worker.call('listSome', filter)
    },
    window: (q) => worker.call('window', q),
    termsThere: async (q) => {
      await maintain()
      return worker.call('termsThere', q)
    },
    traffic: async (question) => {
      await maintain()
      return worker.call('traffic', question)
    },
    callsOf: async (q) => {
      await maintain()
      return worker.call('callsOf', q)
    },
    checkpoints: (limit) => worker.call('checkpoints', limit),
    checkpointOf: (size) => worker.call('checkpointOf', size),
    erasedBelow: (size) => worker.call('erasedBelow', size),
    forms: async (q) => {
      // The index knows what is secret.
      await maintain()
      return worker.call('forms', q)
    },
    countedDays: (q) => worker.call('countedDays', q),
    countsOf: (q) => worker.call('countsOf', q),
    sealActor: (actor) => worker.call('sealActor', actor),
    openActors: (terms) => worker.call('openActors', terms),
    actorGaps: () => worker.call('actorGaps'),
  }
}

/** The provider's subsystem is the service's identifier without its last segments. */
function isServiceOf(service: string, party: string): boolean {
  return service.startsWith(`${party}/`) && party.split('/').length === 4
}
