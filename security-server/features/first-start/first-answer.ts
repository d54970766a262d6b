/**
 * The first call that was answered through this server: remembered once it is known, since what was answered
 * stays answered.
 */

import type { Whole } from '#schemas/sent-values.ts'
import { managementOf } from '../../global-configuration/snapshot.ts'
import { METADATA_SERVICES } from '../../message/message.ts'
import { hourAfter } from '../../reading/index/traffic-store.ts'
import type { Needs } from './needs.ts'

/** `time`: when it was answered at the latest. `index`: its record, where everybody may see one. */
export type Answered = { time: string; index?: Whole }

type Rooms = Pick<Needs, 'logFor' | 'messageLog' | 'globalConfiguration'>

const MOST_LOOKED_AT = 200
/** Whatever the contracts are: nobody is told more than that there was an answer. */
const ALL = 2

/**
 * Undefined while no system has answered through this server, or asked through it. What servers ask of each
 * other about services, and what the registry is asked, are no calls. The page and the permission to try both
 * hang on this one answer. Throws when the log cannot be read.
 */
export function createFirstAnswer(rooms: Rooms): () => Promise<Answered | undefined> {
  let known: Answered | undefined
  return async () => {
    if (known !== undefined) return known
    const management = managementOf(rooms.globalConfiguration)
    // Before the records: an answer that is counted after they were looked at has a record, which is
    // remembered here or never.
    const counted = await firstCounted(rooms, management)
    const found = (await newestShown(rooms, management)) ?? counted
    // Without a configuration a request to the registry looks like a call of a system.
    if (management !== undefined) known = found
    return found
  }
}

/** The oldest of the newest records that everybody may see. */
async function newestShown({ logFor }: Rooms, management: string | undefined): Promise<Answered | undefined> {
  const metadata = new Set(Object.values(METADATA_SERVICES).flatMap((codes) => [...codes]))
  const asked = { kind: 'reply', upkeep: false, limit: MOST_LOOKED_AT }
  const { rows } = await logFor({ roles: [] }).listSome(asked)
  const isCall = (service: string): boolean =>
    !metadata.has(service.split('/')[4] ?? '') &&
    !(management !== undefined && service.startsWith(`${management}/`))
  const first = rows.findLast(({ service }) => isCall(service))
  // A server that was asked by itself has two records of the answer: the later one is of who asked.
  const last = rows.find((one) => one.query_id === first?.query_id && isCall(one.service))
  return last && { index: Number(last.idx), time: last.time }
}

/**
 * By the counts, which have secret contracts too and stay when records are erased. They know no more than the
 * hour.
 */
async function firstCounted(
  { messageLog }: Rooms,
  management: string | undefined,
): Promise<Answered | undefined> {
  const { steps } = await messageLog.traffic({
    ...{ from: '0', to: '9999', step: 'hour', by: 'outcome', groups: 0 },
    filter: { kind: 'reply', upkeep: false, clearance: ALL, management },
  })
  const [first] = steps
  return first && { time: `${hourAfter(first.at)}:00:00.000Z` }
}
