/**
 * The rules for the registry's witness: it accepts logs of registered servers, and only the owner of a server
 * may state the log's key.
 */
import type { Clock } from '#platform/clock.ts'
import type { WitnessRooms } from '#platform/witness/create-witness.ts'
import { readLogKeyStatement } from '#platform/witness/log-key-statement.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { idText, parseServerId } from '#schemas/identifiers.ts'
import { type ApprovedRooms, approvedNow } from '../../documents/approved-now.ts'
import type { ServerStore } from '../../servers/store.ts'

export function witnessRules(
  rooms: ApprovedRooms & {
    servers: Pick<ServerStore, 'server'>
    clock: Clock
  },
): Pick<WitnessRooms, 'accepts' | 'readStatement'> {
  return {
    accepts: async (origin) => {
      try {
        const id = parseServerId(origin)
        await rooms.servers.server(id)
        return idText(id) === origin
      } catch (thrown) {
        if (thrown instanceof Fault && asFault(thrown).status < 500) return false
        throw thrown
      }
    },
    // The approved CAs are read anew for each statement, so that a withdrawn CA is no longer accepted.
    readStatement: async (statement) => {
      const configuration = await approvedNow(rooms)
      return readLogKeyStatement(statement, {
        configuration: (instance) => (instance === configuration.instance ? configuration : undefined),
        now: rooms.clock(),
      })
    },
  }
}
