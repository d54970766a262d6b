/**
 * Two mandated people agree to a contract for a member. The first agreement is stored. The second one, by
 * another person, seals the content with the member's signing key. Once two people who can log in have the
 * mandate, API keys can no longer agree.
 */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { whyNotTwo } from '#platform/people/second-person.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Agreement } from '../../global-configuration/contracts/store.ts'

const SIGNATORY = 'XROAD_CONTRACT_SIGNATORY'

/** A first agreement is void if nobody agrees as the second within this time. */
const GOOD_MS = 30 * 86_400_000
/** With fewer people who can log in, nobody could seal anything without API keys. */
const PEOPLE_NEEDED = 2

type First = Pick<Agreement, 'key_id' | 'agreed_at'>
type Rooms = { apiKeys: Pick<ApiKeys, 'find'>; people: Pick<PeopleStore, 'find' | 'activeWith'> }

/** Throws `not_in_person` for an API key if at least `people` signatories can log in. */
export async function checkInPerson(caller: Caller, rooms: Rooms, people = PEOPLE_NEEDED): Promise<void> {
  if (caller.kind !== 'person' && (await rooms.people.activeWith(SIGNATORY)) >= people)
    throw new Fault('not_in_person', { what: say`signatories of contracts log in at this server` })
}

/**
 * Whether a first agreement still counts: it is recent enough, and its giver still has the role and may still
 * agree in this way.
 */
export async function stillCounts(first: First, rooms: Rooms, now: number): Promise<boolean> {
  const isRecent = now - Date.parse(first.agreed_at) < GOOD_MS
  const person = await rooms.people.find(first.key_id)
  if (person !== undefined) return isRecent && person.state === 'active' && person.roles.includes(SIGNATORY)
  const key = await rooms.apiKeys.find(first.key_id)
  return isRecent && key?.roles.includes(SIGNATORY) === true && !(await needsPeople(rooms))
}

/**
 * Throws `second_signatory_needed` unless the caller is a different person, as far as this can be determined.
 */
export async function checkSecond(first: First, caller: Caller, { apiKeys }: Rooms): Promise<void> {
  const what = await whyNotTwo(first.key_id, caller.id, apiKeys)
  if (what !== undefined) throw new Fault('second_signatory_needed', { what })
}

async function needsPeople({ people }: Rooms): Promise<boolean> {
  return (await people.activeWith(SIGNATORY)) >= PEOPLE_NEEDED
}
