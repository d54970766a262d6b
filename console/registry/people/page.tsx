/**
 * The people who may log in at the registry, and their roles. A note above the list says when the operator lets one more
 * administrator in.
 */
import type { Page } from '../../kit/frame.tsx'
import { People } from '../../kit/people.tsx'
import { Reopened } from './reopened.tsx'

function RegistryPeople() {
  return (
    <People everybody="getSystem" whenLocked="people.lockConsequence">
      <Reopened />
    </People>
  )
}

export const people: Page = {
  path: '/people',
  title: 'people.title',
  listed: true,
  operation: 'getPeople',
  View: RegistryPeople,
}
