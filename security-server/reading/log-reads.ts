/** The log as those read it who look for records: searches, counts, leaf forms, and the evidence of one record. */
import type { ContainerParts } from '#core/container/container.ts'
import { asFault } from '#schemas/fault.ts'
import { type ClientId, idText } from '#schemas/identifiers.ts'
import type { MessageLog } from '../message-log/message-log.ts'
import type { Clearance } from '../message-log/record-input.ts'
import { containerParts } from './evidence/container-parts.ts'
import type { InclusionEvidence } from './evidence/prove-inclusion.ts'
import type { StoredEvidence } from './evidence/read-evidence.ts'
import type { StampProof } from './evidence/read-stamp.ts'
import type { SomeRows } from './index/list-by-spans.ts'
import type { FoundRow, RecordFilter, SearchFilter, SearchRow } from './index/search-filter.ts'
import type { TermsQuestion } from './index/terms-store.ts'
import type { CallsOfDay, Traffic, TrafficQuestion } from './index/traffic-store.ts'
import type { ActorMethods } from './index/worker-actors.ts'
import type { ReadingMethods, SearchWindow } from './part.ts'

export type LogReads = Searches & Evidence & ActorMethods

type Searches = {
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
  /**
   * Leaf forms in the order of the log, from `first` on: what the tree is over, without content or parties. Of what is more
   * secret than the reader may see it is the leaf alone.
   */
  forms(q: { first: number; limit: number; clearance: Clearance }): Promise<string[]>
}

type Evidence = {
  /** All that is stored about one record. */
  read(index: number): Promise<StoredEvidence>
  /** What X-Road's container holds; throws `not_found` when there is no message or no signature. */
  container(index: number): Promise<ContainerParts>
  /** Under the tree head of this size, or the best witnessed one, which is made first when none covers the record. */
  proof(index: number, size?: number): Promise<InclusionEvidence>
  /** The time-stamp of the record's signature as its own record has it; undefined while there is none. */
  stampProof(index: number): Promise<StampProof | undefined>
}

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
    callsOf: async (q) => {
      await maintain()
      return parts.callsOf(q)
    },
    forms: async (q) => {
      // The index knows what is secret.
      await maintain()
      return parts.forms(q)
    },
  }
}

/** The provider's subsystem is the service's identifier without its last segments. */
function isServiceOf(service: string, party: string): boolean {
  return service.startsWith(`${party}/`) && party.split('/').length === 4
}

function evidence(log: ReadFrom): Evidence {
  const { parts } = log
  return {
    read: (index) => parts.readEvidence(index),
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
