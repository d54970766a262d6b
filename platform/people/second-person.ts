/**
 * Decides whether two callers who must be two people could be the same person: by the persons behind them,
 * and by who made which API key; and whether a person may still decide when their decision is written.
 */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { Within } from '#platform/database/open-database.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'
import { personBehind } from './person-behind.ts'

type Keys = Pick<ApiKeys, 'find'>
type FindPerson = {
  find(id: string, within: Within): Promise<{ state: string; roles: string[] } | undefined>
}

/**
 * Why these two (ids of persons or API keys) might be one person: they are the same, one made the other, or
 * one person made both, who could know both secrets. Undefined otherwise: keys that the operator's first key
 * made may be handed to two people.
 */
export async function whyNotTwo(first: string, second: string, keys: Keys): Promise<string | undefined> {
  if (first === second) return 'it is the same person or API key'
  const [ofFirst, ofSecond] = [await makersOf(first, keys), await makersOf(second, keys)]
  if (ofSecond.includes(first) || ofFirst.includes(second)) return 'one of the two made the other'
  const maker = ofFirst.at(-1)
  const isOfPerson = maker !== undefined && (await keys.find(maker)) === undefined
  return isOfPerson && maker === ofSecond.at(-1) ? 'one person made both' : undefined
}

/**
 * Throws `key_without_person` for an API key behind which no active person stands: whoever holds it could
 * also be the second person.
 */
export async function checkAnswerable(
  caller: Pick<Caller, 'kind' | 'id'>,
  {
    apiKeys,
    people,
  }: { apiKeys: Keys; people: { find(id: string): Promise<{ state: string } | undefined> } },
): Promise<void> {
  if (caller.kind !== 'key') return
  const person = await people.find(await personBehind(caller, apiKeys))
  if (person?.state !== 'active') throw new Fault('key_without_person')
}

/**
 * In the transaction that writes a person's decision: throws `session_ended`, as their next request would, if
 * somebody has locked or removed the person or changed their roles since this request came in.
 */
export async function checkUnchanged(
  { kind, id, roles }: Caller,
  people: FindPerson,
  within: Within,
): Promise<void> {
  if (kind !== 'person') return
  const now = await people.find(id, within)
  if (now?.state !== 'active' || now.roles.join(',') !== roles.join(',')) throw new Fault('session_ended')
}

/**
 * The maker of this key, the maker's maker and so on: keys and, at the end, perhaps a person. Persons have no
 * maker.
 */
export async function makersOf(id: string, keys: Keys): Promise<string[]> {
  const makers: string[] = []
  for (let at = await keys.find(id); at?.createdBy; at = await keys.find(makers.at(-1)!)) {
    if (makers.includes(at.createdBy)) break
    makers.push(at.createdBy)
  }
  return makers
}
