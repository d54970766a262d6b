/**
 * Guarantees that nobody sees a record that is more secret than they may see. The API reads records only
 * through this module. Searches get a filter with the reader's clearance; reads of one record check the
 * secrecy of that record.
 */
import type { Caller } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'
import type { StoredCounts } from '../message-log/daily-counts/store.ts'
import type { MessageLog } from '../message-log/message-log.ts'
import type { Clearance } from '../message-log/record-input.ts'
import type { DimensionFilter } from './index/traffic-store.ts'
import type { LogReads } from './log-reads.ts'

export const SECRECY_ROLE = 'XROAD_SECRECY_AUDITOR'

/** Reads of records that need a reader's clearance. */
export type RecordReads = Omit<LogReads, 'findExchange' | 'window' | 'callsOf' | 'extras'> &
  Pick<MessageLog, 'evidenceRecord' | 'countedDays' | 'countsOf'>

export type ReadableLog = Omit<RecordReads, 'forms' | 'countsOf'> & {
  forms(q: { first: number; limit: number }): Promise<string[]>
  countsOf(index: number): Promise<StoredCounts | undefined>
  clearance: Clearance
}

/**
 * 1 for callers with the role for secret contracts, else 0. Records of a higher secrecy are shown to nobody
 * on this server.
 */
export function clearanceOf({ roles }: Pick<Caller, 'roles'>): Clearance {
  return roles.includes(SECRECY_ROLE) ? 1 : 0
}

/**
 * Reads of one record throw `record_is_secret` if it is too secret. Searches and counts leave such records
 * out. `management`: the subsystem that the registry is asked at, for questions about calls of upkeep.
 */
export function readableLog(
  log: RecordReads,
  clearance: Clearance,
  management: () => string | undefined = () => undefined,
): ReadableLog {
  const read: RecordReads['read'] = async (index) => {
    const evidence = await log.read(index)
    if (evidence.secrecy <= clearance) return evidence
    throw new Fault('record_is_secret', { what: `record ${index}` })
  }
  const narrowed = <F extends DimensionFilter>(filter: F) => ({
    ...filter,
    clearance,
    ...(filter.upkeep === undefined ? {} : { management: management() }),
  })
  return {
    clearance,
    list: (filter) => log.list(narrowed(filter)),
    listSome: (filter) => log.listSome(narrowed(filter)),
    termsThere: (q) => log.termsThere({ ...q, clearance }),
    traffic: ({ filter, ...question }) => log.traffic({ ...question, filter: narrowed(filter) }),
    trafficOfPairs: ({ filter, ...q }) => log.trafficOfPairs({ ...q, filter: narrowed(filter) }),
    hoursOfPairs: ({ filter, ...q }) => log.hoursOfPairs({ ...q, filter: narrowed(filter) }),
    latencies: ({ filter, ...q }) => log.latencies({ ...q, filter: { ...filter, clearance } }),
    read,
    proof: async (index, size) => {
      await read(index)
      return log.proof(index, size)
    },
    stampProof: async (index) => {
      await read(index)
      return log.stampProof(index)
    },
    evidenceRecord: async (index) => {
      await read(index)
      return log.evidenceRecord(index)
    },
    container: async (index) => {
      await read(index)
      return log.container(index)
    },
    forms: (q) => log.forms({ ...q, clearance }),
    countedDays: (q) => log.countedDays(q),
    sealActor: (actor) => log.sealActor(actor),
    openActors: (terms) => log.openActors(terms),
    actorGaps: () => log.actorGaps(),
    countsOf: (index) => log.countsOf({ index, clearance }),
  }
}
