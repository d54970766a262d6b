/**
 * Remembers which clients the configuration in force lists at this server, so that a client which it lists no
 * more can be told from one that was never registered.
 */
import type { Job } from '#platform/feature.ts'
import type { ClientId } from '#schemas/identifiers.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import type { Needs } from './needs.ts'

const EVERY_SECONDS = 3600

export function settleClients({
  globalConfiguration,
  localSystems,
  server,
}: Pick<Needs, 'globalConfiguration' | 'localSystems' | 'server'>): Job {
  /** Undefined without a configuration, which says nothing about anybody. */
  const listed = () => {
    const index = inForce(globalConfiguration)?.index
    return index === undefined ? undefined : (id: ClientId) => index.isClientOf(server, id)
  }
  return {
    kind: 'settle-clients',
    everySeconds: EVERY_SECONDS,
    isDue: () => {
      const isListed = listed()
      return isListed !== undefined && !localSystems.isSettled(isListed)
    },
    run: async () => {
      const isListed = listed()
      if (isListed !== undefined) await localSystems.settle(isListed)
    },
  }
}
