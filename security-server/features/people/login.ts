/**
 * The login of people at a security server. Only people whom an administrator invited can log in; strangers,
 * without any rights, while the claim code of a new server can be redeemed.
 */
import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { Passkeys } from '#platform/passkeys/create-passkeys.ts'
import { passkeyRoutes } from '#platform/passkeys/routes.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import { createLogin, type Login, type LoginSettings } from '#platform/sessions/create-login.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'

/** The login settings with their secrets, and the metrics that count refused logins. */
type AdminLogin = { settings: LoginSettings; metrics: Pick<Metrics, 'counter'> }

type Rooms = Omit<
  Parameters<typeof createLogin>[1],
  'name' | 'people' | 'settings' | 'metrics' | 'admitted'
> & {
  server: ServerId
  passkeys: Passkeys
  people: Pick<PeopleStore, 'admit' | 'find'>
  claim: { openUntil(now: string): Promise<string | undefined> }
}

/** Adds the login's routes to the management listener. */
export function openLogin(app: FastifyInstance, login: AdminLogin, rooms: Rooms): Login {
  // Cookies do not distinguish ports, so servers on one host need different cookie names.
  const name = createHash('sha256').update(idText(rooms.server)).digest('hex').slice(0, 16)
  const { passkeys, audit } = rooms
  const now = (): string => new Date(rooms.clock()).toISOString()
  const takesCode = async (): Promise<boolean> => (await rooms.claim.openUntil(now())) !== undefined
  const open = createLogin(app, {
    ...rooms,
    ...login,
    admitted: passkeys.confirm,
    name: `server-${name}`,
    people: {
      admit: async (identity) => rooms.people.admit(identity, now(), await takesCode()),
      find: async (id) => {
        const person = await rooms.people.find(id)
        return person?.state === 'active' ? { name: person.name, roles: person.roles } : undefined
      },
    },
  })
  passkeyRoutes(app, open, { passkeys, audit, origin: login.settings.baseUrl, takesCode })
  return open
}
