/** The page of people: who may log in at this security server, with which roles. */
import { People } from '../../kit/people.tsx'

export function ServerPeople() {
  return <People everybody="getPasskeys" whenLocked="people.lockHere" />
}
