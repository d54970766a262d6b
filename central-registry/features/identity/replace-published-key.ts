/**
 * The keys that others know by their public halves, those of the log and of credentials: which there are, and
 * their replacement by two persons. Guarantees that what the old key signed is accepted for as long as they
 * say, and not at all when they say so.
 */
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { IdentityKeys } from '../../configuration/identity-keys/identity-keys.ts'
import type { PublishedKey } from '../../configuration/identity-keys/published-keys.ts'

const DAY_MS = 86_400_000

type Rooms = Pick<IdentityKeys, 'log' | 'credentials'> & { clock: Clock }

/** Undefined where the settings have no `publicLog`. */
export function publishedKeyHandlers(rooms: Rooms | undefined): Record<string, OperationHandler> {
  return {
    getPublishedKeys: async () => {
      if (rooms === undefined) return { configured: false }
      const { log, credentials } = rooms
      const shown = (keys: PublishedKey[]) => keys.map((key) => shownKey(key, rooms.clock()))
      return {
        configured: true,
        log: shown(await log.all()),
        credentials: shown(await credentials.all()),
      }
    },
    replacePublishedKey: async ({ params, body }) => {
      if (rooms === undefined)
        throw new Fault('conflict', { what: say`the settings have no \`publicLog\`: there are no such keys` })
      const { key } = params as { key: 'log' | 'credentials' }
      const { acceptedDays } = body as { acceptedDays: number }
      const now = rooms.clock()
      const made = await rooms[key].replace({
        at: new Date(now).toISOString(),
        acceptedUntil: new Date(now + acceptedDays * DAY_MS).toISOString(),
      })
      return shownKey(made, now)
    },
  }
}

function shownKey({ number, name, publicKey, madeAt, acceptedUntil }: PublishedKey, now: number) {
  return {
    ...{ number, name, madeAt, acceptedUntil },
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    isAccepted: acceptedUntil === null || Date.parse(acceptedUntil) > now,
  }
}
