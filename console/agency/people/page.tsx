/** The page of people: who may log in at this security server, with which roles. */
import type { Page } from '../../kit/frame.tsx'
import { People } from '../../kit/people.tsx'

function ServerPeople() {
  return <People everybody="getSession" whenLocked="people.lockHere" />
}

export const people: Page = {
  path: '/people',
  title: 'people.title',
  listed: true,
  operation: 'getPeople',
  View: ServerPeople,
}
