/**
 * Notices requests about clients that the registry declined, or that were taken back there: nobody has to look at the list of requests.
 * Those that come into force are noticed by the configuration.
 */
import type { Job } from '#platform/feature.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { RequestStatus } from '#schemas/management-request.ts'
import { isAbout } from '../../local-systems/client-status.ts'
import { createFiledRequests } from './filed-requests.ts'
import type { Needs } from './needs.ts'

const EVERY_SECONDS = 60

/** What was declined or taken back is asked no more. The registry gives the newest request first. */
export async function settle(
  { localSystems }: Pick<Needs, 'localSystems'>,
  states: RequestStatus[],
): Promise<void> {
  for (const { id, standing } of localSystems.view().clients.values()) {
    const newest = states.find((state) => state.client === idText(id) && isAbout(standing, state))
    // It judges once more: another one may have been filed since the registry answered.
    if (newest?.state === 'DECLINED' || newest?.state === 'REVOKED') await localSystems.ended(id, newest)
  }
}

/** Asks the registry while something is asked of it, and nothing else. A central server of X-Road tells no states. */
export function settleRequests(rooms: Needs & { log: Log }): Job {
  const filedRequests = createFiledRequests(rooms)
  const isAsking = (): boolean =>
    [...rooms.localSystems.view().clients.values()].some(({ standing }) => standing.asked !== '')
  return {
    kind: 'settle-management-requests',
    everySeconds: EVERY_SECONDS,
    run: async () => {
      if (!isAsking()) return
      try {
        if (!rooms.isXRoads()) await settle(rooms, await filedRequests())
      } catch (thrown) {
        // The registry may be away, or the token locked: a minute later it is asked again.
        const { code, detail } = asFault(thrown)
        rooms.log.info({ code, detail }, 'the registry did not say how management requests stand')
      }
    },
  }
}
