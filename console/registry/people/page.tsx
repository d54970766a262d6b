/**
 * The people who may log in at the registry, and their roles. A note above the list says when the operator
 * lets one more administrator in.
 */
import { People } from '../../kit/people.tsx'
import { Reopened } from './reopened.tsx'

export function RegistryPeople() {
  return (
    <People everybody="getSystem" whenLocked="people.lockConsequence">
      <Reopened />
    </People>
  )
}
