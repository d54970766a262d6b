/** The login of the registry's administrators: who may come in is told by people/ and, until it is done, by the ceremony. */
import type { FastifyInstance } from 'fastify'
import type { PeopleStore } from '#platform/people/store.ts'
import { createLogin, type Login } from '#platform/sessions/create-login.ts'
import type { Login as Settings } from './config.ts'
import { writeInstallationCodes } from './features/installation/code-files.ts'
import type { InstallationStore } from './features/installation/store.ts'

type Rooms = Omit<Parameters<typeof createLogin>[1], 'name' | 'settings' | 'people'> & {
  settings: Settings
  clientSecret: string
  people: Pick<PeopleStore, 'admit' | 'find'>
  installation: InstallationStore
}

/** Writes the installation codes when there are none, and adds the login's routes to the management listener. */
export async function openLogin(app: FastifyInstance, rooms: Rooms): Promise<Login> {
  const { settings, clientSecret, people, installation } = rooms
  await writeInstallationCodes([settings.firstCodeFile, settings.secondCodeFile], installation)
  return createLogin(app, {
    ...rooms,
    name: 'registry',
    settings: { ...settings, clientSecret },
    people: {
      admit: async (identity) => {
        const at = new Date(rooms.clock()).toISOString()
        const isOpen = !(await installation.isDone()) || (await installation.reopenedUntil(at)) !== undefined
        return people.admit(identity, at, isOpen)
      },
      find: async (id) => {
        const person = await people.find(id)
        return person?.state === 'active' ? { name: person.name, roles: person.roles } : undefined
      },
    },
  })
}
