/** The first answered call of this server that the log shows: remembered once it was found, since a log loses no answer that was given. */
import { managementOf } from '../../global-configuration/snapshot.ts'
import { METADATA_SERVICES } from '../../message/message.ts'
import type { Needs } from './needs.ts'

export type Answered = { index: number; time: string }

const MOST_LOOKED_AT = 200
/** Whatever the contracts are: nobody is told more than that there was an answer. */
const ALL = 2

/**
 * Undefined while no system has answered through this server, or asked through it. What servers ask of each other about services, and
 * what the registry is asked, are no calls. Throws when the log cannot be read.
 */
export function createFirstAnswer({
  logFor,
  globalConfiguration,
}: Pick<Needs, 'logFor' | 'globalConfiguration'>): () => Promise<Answered | undefined> {
  const metadata = new Set(Object.values(METADATA_SERVICES).flatMap((codes) => [...codes]))
  let known: Answered | undefined
  return async () => {
    if (known !== undefined) return known
    const asked = { kind: 'reply', upkeep: false, limit: MOST_LOOKED_AT }
    const { rows } = await logFor({ roles: [] }).listSome(asked)
    const management = managementOf(globalConfiguration)
    const isCall = (service: string): boolean =>
      !metadata.has(service.split('/')[4] ?? '') &&
      !(management !== undefined && service.startsWith(`${management}/`))
    const first = rows.findLast(({ service }) => isCall(service))
    // A server that was asked by itself has two records of the answer: the later one is of who asked.
    const last = rows.find((one) => one.query_id === first?.query_id && isCall(one.service))
    if (last !== undefined) known = { index: Number(last.idx), time: last.time }
    return known
  }
}

/**
 * Whether a system has answered through this server, or asked through it: under a secret contract too, and by the counts, which stay when
 * records are erased. Throws when the log cannot be read.
 */
export function createHasAnswered({
  messageLog,
  globalConfiguration,
}: Pick<Needs, 'messageLog' | 'globalConfiguration'>): () => Promise<boolean> {
  let known = false
  return async () => {
    if (known) return true
    const { total } = await messageLog.traffic({
      ...{ from: '0', to: '9999', step: 'day', by: 'outcome', groups: 0 },
      filter: { kind: 'reply', upkeep: false, clearance: ALL, management: managementOf(globalConfiguration) },
    })
    known = total.exchanges > 0
    return known
  }
}
