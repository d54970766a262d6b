/** The login of persons at a security server: who may come in is told by the people whom an administrator has invited. */
import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import { createLogin, type Login, type LoginSettings } from '#platform/sessions/create-login.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'

/** Settings with secrets read, and where refused logins are counted. */
type AdminLogin = { settings: LoginSettings; metrics: Pick<Metrics, 'counter'> }

type Rooms = Omit<Parameters<typeof createLogin>[1], 'name' | 'people' | 'settings' | 'metrics'> & {
  server: ServerId
  people: Pick<PeopleStore, 'admit' | 'find'>
}

/** Adds the login's routes to the management listener. */
export function openLogin(app: FastifyInstance, login: AdminLogin, rooms: Rooms): Login {
  // Cookies know no ports: servers on one host are told apart by name.
  const name = createHash('sha256').update(idText(rooms.server)).digest('hex').slice(0, 16)
  return createLogin(app, {
    ...rooms,
    ...login,
    name: `server-${name}`,
    people: {
      admit: (identity) => rooms.people.admit(identity, new Date(rooms.clock()).toISOString(), false),
      find: async (id) => {
        const person = await rooms.people.find(id)
        return person?.state === 'active' ? { name: person.name, roles: person.roles } : undefined
      },
    },
  })
}
