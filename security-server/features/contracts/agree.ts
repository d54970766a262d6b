/**
 * Two mandated people agree for a member: the first agreement is kept, the second one, by somebody who has nothing to do with
 * the first, seals the content by the member's signing key. Once two people who can log in have the mandate, no API key agrees.
 */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { whyNotTwo } from '#platform/people/second-person.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import { Fault } from '#schemas/fault.ts'
import type { Agreement } from '../../global-configuration/contracts/store.ts'

const SIGNATORY = 'XROAD_CONTRACT_SIGNATORY'

/** An agreement that nobody seconded is void after this. */
const GOOD_MS = 30 * 86_400_000
/** Before there are so many, people could not seal anything without keys. */
const PEOPLE_NEEDED = 2

type First = Pick<Agreement, 'key_id' | 'agreed_at'>
type Rooms = { apiKeys: Pick<ApiKeys, 'find'>; people: Pick<PeopleStore, 'find' | 'activeWith'> }

/** Throws `not_in_person` for an API key where people agree by their own login: as soon as there are so many as it takes. */
export async function checkInPerson(caller: Caller, rooms: Rooms, people = PEOPLE_NEEDED): Promise<void> {
  if (caller.kind !== 'person' && (await rooms.people.activeWith(SIGNATORY)) >= people)
    throw new Fault('not_in_person', { what: 'signatories of contracts log in at this server' })
}

/** Whether a first agreement still counts: who gave it may sign today, in this way, and it is not too old. */
export async function stillCounts(first: First, rooms: Rooms, now: number): Promise<boolean> {
  const isRecent = now - Date.parse(first.agreed_at) < GOOD_MS
  const person = await rooms.people.find(first.key_id)
  if (person !== undefined) return isRecent && person.state === 'active' && person.roles.includes(SIGNATORY)
  const key = await rooms.apiKeys.find(first.key_id)
  return isRecent && key?.roles.includes(SIGNATORY) === true && !(await needsPeople(rooms))
}

/** Throws `second_signatory_needed` unless the caller is another person as far as can be told. */
export async function checkSecond(first: First, caller: Caller, { apiKeys }: Rooms): Promise<void> {
  const what = await whyNotTwo(first.key_id, caller.id, apiKeys)
  if (what !== undefined) throw new Fault('second_signatory_needed', { what })
}

/** How a seal names somebody: two may have one name. */
export function nameOf({ id, name }: { id: string; name: string }): string {
  return `${name.slice(0, 200)} (${id})`
}

async function needsPeople({ people }: Rooms): Promise<boolean> {
  return (await people.activeWith(SIGNATORY)) >= PEOPLE_NEEDED
}
