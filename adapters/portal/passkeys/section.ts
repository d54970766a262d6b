/**
 * "Come back with a passkey": who is signed in lets this browser and its device know them again for some
 * days.
 */
import type { Answer, Rooms, Section, Visit } from '../routing/section.ts'
import { SETTING_UP, setUpPage } from './pages.ts'

export const passkeys: Section = {
  name: 'passkeys',
  href: SETTING_UP,
  services: () => [],
  isServed: ({ passkeys }) => passkeys !== undefined,
  routes: [{ method: 'GET', path: SETTING_UP, isEntrance: true, isOwn: true, answer: show }],
}

async function show({ reader }: Visit, { place, passkeys }: Rooms): Promise<Answer> {
  if (passkeys === undefined) return { to: '/' }
  const { session } = reader
  const options = passkeys.mayAdd(session) ? passkeys.optionsFor(session) : undefined
  return { page: setUpPage(place, reader, { options, days: passkeys.days }) }
}
