/**
 * Notices requests about clients that the registry declined, or that were taken back there: nobody has to
 * look at the list of requests. Those that come into force are noticed by the configuration. One whose answer
 * never came, because the process ended or the registry was not heard, is found there.
 */
import type { Job } from '#platform/feature.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { RequestStatus } from '#schemas/management-request.ts'
import {
  type AskedOfRegistry,
  isAbout,
  isAskedOfRegistry,
  isMissed,
  UNANSWERED,
} from '../../local-systems/client-status.ts'
import { createFiledRequests } from './filed-requests.ts'
import type { Needs } from './needs.ts'

const EVERY_SECONDS = 60

type LocalSystems = Pick<Needs, 'localSystems'>

/**
 * What was declined or taken back is asked no more, and a request whose answer was missed is asked. The
 * registry gives the newest request first.
 */
export async function settle({ localSystems }: LocalSystems, states: RequestStatus[]): Promise<void> {
  for (const { id, standing } of localSystems.view().clients.values()) {
    const its = states.filter(({ client }) => client === idText(id))
    const newest = its.find((state) => isAbout(standing, state))
    // It judges once more: another one may have been filed since the registry answered.
    if (newest?.state === 'DECLINED' || newest?.state === 'REVOKED') await localSystems.ended(id, newest)
    const last = its.find(isOfClient)
    if (last !== undefined && isMissed(standing, last)) await localSystems.found(id, last)
  }
}

function isOfClient(state: RequestStatus): state is RequestStatus & { kind: AskedOfRegistry } {
  return isAskedOfRegistry(state.kind)
}

/**
 * Asks the registry while something is asked of it, and nothing else. A central server of X-Road tells no
 * states.
 */
export function settleRequests(rooms: Needs & { log: Log }): Job {
  const { localSystems } = rooms
  const filedRequests = createFiledRequests(rooms)
  const clients = () => [...localSystems.view().clients.values()]
  /** Those of the last look. What is being filed has reached the registry by the next one, or never will. */
  let unanswered = new Set<string>()
  return {
    kind: 'settle-management-requests',
    everySeconds: EVERY_SECONDS,
    run: async () => {
      const waiting = clients().filter(({ standing }) => standing.request === UNANSWERED)
      if (waiting.length === 0 && clients().every(({ standing }) => standing.asked === '')) return
      try {
        if (rooms.isXRoads()) return
        await settle(rooms, await filedRequests())
        for (const { id } of waiting) if (unanswered.has(idText(id))) await localSystems.notAsked(id)
        unanswered = new Set(waiting.map(({ id }) => idText(id)))
      } catch (thrown) {
        // The registry may be away, or the token locked: a minute later it is asked again.
        const { code, detail } = asFault(thrown)
        rooms.log.info({ code, detail }, 'the registry did not say how management requests stand')
      }
    },
  }
}
