/**
 * The key that goes on with the histories of DIDs: which one it is, and its replacement by two persons.
 * Guarantees that a replaced key signs one more entry of each history and none after: it announces the new
 * one, so whoever stole the old one can add nothing that a reader takes.
 */
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { HistoryKeys } from '../../configuration/identity-keys/identity-keys.ts'
import type { FactsStore } from './facts-store.ts'
import type { IdentityStore } from './store.ts'

type Rooms = {
  histories: Pick<HistoryKeys, 'newest' | 'isLost' | 'replace'>
  store: Pick<IdentityStore, 'goingOnBy'>
  facts: Pick<FactsStore, 'restoredAt'>
  clock: Clock
}

/** Undefined where the settings have no `publicLog`. */
export function identityKeyHandlers(rooms: Rooms | undefined): Record<string, OperationHandler> {
  return {
    getIdentityKey: async () => {
      if (rooms === undefined) return { configured: false }
      const { histories, store, facts } = rooms
      const number = await histories.newest()
      // No entry is added to a history of before a restoration, also not the one that announces a new key.
      const { all, byThis, before } = await store.goingOnBy(number, await facts.restoredAt())
      return { configured: true, number, histories: all, takenOver: byThis, ofBeforeRestoration: before }
    },
    replaceIdentityKey: async ({ body }) => {
      if (rooms === undefined)
        throw new Fault('conflict', { what: say`the settings have no \`publicLog\`: there are no DIDs` })
      const { isLost } = body as { isLost: boolean }
      const at = new Date(rooms.clock()).toISOString()
      return rooms.histories.replace({ isLost, at }).catch((thrown: unknown) => {
        if (asFault(thrown).code !== 'invalid_configuration') throw thrown
        throw new Fault('conflict', {
          what: say`the key is not on this node: bring its file, or say that no copy of it is left`,
          cause: thrown,
        })
      })
    },
  }
}
