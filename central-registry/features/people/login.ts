/**
 * The login of the registry's administrators. It admits persons in the table of people and, during the
 * ceremony, others too.
 */
import type { FastifyInstance } from 'fastify'
import type { Passkeys } from '#platform/passkeys/create-passkeys.ts'
import { passkeyRoutes } from '#platform/passkeys/routes.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import { createLogin, type Login } from '#platform/sessions/create-login.ts'
import type { LoginFile } from '#platform/sessions/settings.ts'

export type LoginRooms = Omit<
  Parameters<typeof createLogin>[1],
  'name' | 'settings' | 'people' | 'admitted'
> & {
  passkeys: Passkeys
  settings: LoginFile
  clientSecret: string
  people: Pick<PeopleStore, 'admit' | 'find'>
  /** The ceremony of the first administrators, and its reopening for one more. */
  installation: { isDone(): Promise<boolean>; reopenedUntil(now: string): Promise<string | undefined> }
}

/** Adds the login's routes to the management listener. */
export function openLogin(app: FastifyInstance, rooms: LoginRooms): Login {
  const { settings, clientSecret, people, installation, passkeys, audit } = rooms
  const takesCode = async (): Promise<boolean> =>
    !(await installation.isDone()) ||
    (await installation.reopenedUntil(new Date(rooms.clock()).toISOString())) !== undefined
  const open = createLogin(app, {
    ...rooms,
    admitted: passkeys.confirm,
    name: 'registry',
    settings: { ...settings, clientSecret },
    people: {
      admit: async (identity) =>
        people.admit(identity, new Date(rooms.clock()).toISOString(), await takesCode()),
      find: async (id) => {
        const person = await people.find(id)
        return person?.state === 'active' ? { name: person.name, roles: person.roles } : undefined
      },
    },
  })
  passkeyRoutes(app, open, { passkeys, audit, origin: settings.baseUrl, takesCode })
  return open
}
