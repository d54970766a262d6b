/**
 * The part of the log's thread that serves readers of records: it fills and queries the index, opens records
 * and proves them.
 */
import { hiddenForm } from '#core/log-export/hidden-form.ts'
import type { LogPart, PartGround } from '../message-log/part.ts'
import type { Clearance } from '../message-log/record-input.ts'
import { type InclusionEvidence, proveRecord } from './evidence/prove-inclusion.ts'
import { lastNamed, readEvidence, readExtras, type StoredEvidence } from './evidence/read-evidence.ts'
import { readStampProof, type StampProof } from './evidence/read-stamp.ts'
import { indexRecords } from './index/index-records.ts'
import type { LatencyPage, LatencyQuestion } from './index/latency-store.ts'
import type { SomeRows } from './index/list-by-spans.ts'
import { indexMigrations } from './index/migrations/all.ts'
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
import { type ActorMethods, actorMethods, withActors } from './index/worker-actors.ts'
import { type IndexedLog, withIndex } from './indexed-log.ts'

/** The matches in one step of a walk through the log, and the last index that was searched. */
export type SearchWindow = { rows: FoundRow[]; last: number }

/** The methods that the main thread may call. */
export type ReadingMethods = ActorMethods & {
  findByQueryId(queryId: string): Promise<SearchRow[]>
  list(filter: SearchFilter): Promise<FoundRow[]>
  listSome(filter: SearchFilter): Promise<SomeRows<FoundRow>>
  window(q: { filter: RecordFilter; after: number; size: number }): Promise<SearchWindow>
  termsThere(q: TermsQuestion): Promise<string[]>
  traffic(question: TrafficQuestion): Promise<Traffic>
  trafficOfPairs(question: PairsQuestion): Promise<TrafficOfPairs>
  hoursOfPairs(question: PairsQuestion): Promise<HourOfPair[]>
  latencies(question: LatencyQuestion): Promise<LatencyPage>
  callsOf(q: { day: string; pairs: number }): Promise<CallsOfDay>
  /**
   * Leaf forms in the order of the log, starting at `first`. For a record that is more secret than
   * `clearance`, only the leaf is returned.
   */
  forms(q: { first: number; limit: number; clearance: Clearance }): Promise<string[]>
  readEvidence(index: number): Promise<StoredEvidence>
  readExtras(indexes: readonly number[]): ReturnType<typeof readExtras>
  /** Proves the record under the checkpoint of `size`, or under the best cosigned one. */
  proveInclusion(q: { index: number; size?: number | undefined }): Promise<InclusionEvidence>
  stampEvidence(index: number): Promise<StampProof | undefined>
}

export const readingPart: LogPart<ReadingMethods> = {
  migrations: indexMigrations,
  open: (ground) => {
    const log = withIndex(ground.log)
    const { records, search, terms } = log
    const { ring, recent } = ground
    return {
      methods: methodsOf(log, ground),
      maintain: async (size) => {
        const logKey = ring.current()
        const indexed = await indexRecords({
          records,
          search,
          terms,
          size,
          recent,
          findKey: ring.find,
          logKey,
        })
        return indexed < size
      },
      erased: ({ idx, keepsProof }) =>
        keepsProof ? [] : [{ text: 'delete from search where idx = ?', values: [idx] }],
    }
  },
}

function methodsOf(log: IndexedLog, { ring, settled }: PartGround): ReadingMethods {
  const { records, search, terms } = log
  const sizeNow = async (): Promise<number> => (await records.head()).size
  return {
    findByQueryId: async (queryId) => search.byQueryId(queryId, await sizeNow()),
    list: async (filter) => terms.withTerms(await search.list(withActors(filter, ring), await sizeNow())),
    listSome: async (filter) => {
      const { rows, ...more } = await search.listSome(withActors(filter, ring), await sizeNow())
      return { rows: await terms.withTerms(rows), ...more }
    },
    window: async ({ filter, after, size }) => {
      const { rows, last } = await search.window(withActors(filter, ring), { after, size })
      return { rows: await terms.withTerms(rows), last }
    },
    termsThere: (q) => terms.termsThere(q),
    ...actorMethods(records, ring, settled),
    traffic: (question) => search.traffic(question),
    trafficOfPairs: (question) => search.pairs(question),
    hoursOfPairs: (question) => search.hoursOfPairs(question),
    latencies: (question) => search.latencies(question),
    callsOf: (q) => search.callsOf(q),
    forms: async ({ first, limit, clearance }) => {
      // What is not durable is not there yet.
      const size = settled.size()
      const rows = (await records.forms(first, limit)).filter(({ idx }) => Number(idx) < size)
      const last = first + limit - 1
      const hidden = new Set(await search.secretRecords({ first, last, clearance }))
      return rows.map(({ idx, form, leaf }) => (hidden.has(Number(idx)) ? hiddenForm(leaf) : form))
    },
    readEvidence: (index) => settled.read(() => readEvidence(log, index, ring.find), lastNamed),
    readExtras: (indexes) =>
      settled.read(
        () => readExtras(log, indexes, ring.find),
        (extras) => Math.max(...indexes.filter((_, i) => extras[i] !== undefined)),
      ),
    proveInclusion: async ({ index, size }) => {
      // What it no longer opens was erased, by a record further on.
      const { proof } = await settled.read(
        async () => {
          const record = await records.state(index)
          return { record, proof: await proveRecord(log, record, ring.find, size) }
        },
        ({ record }) => lastNamed({ ...record, index, timeStamp: undefined }),
      )
      return proof
    },
    stampEvidence: (index) =>
      settled.read(
        () => readStampProof(log, index),
        (stamp) => Math.max(index, stamp?.index ?? 0),
      ),
  }
}
