/** Whether two who have to be two people can be one: by the person that each is, and by who made which API key. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'

type Keys = Pick<ApiKeys, 'find'>

/** Why these two (ids of persons or API keys) cannot be told to be two people; undefined when they can. */
export async function whyNotTwo(first: string, second: string, keys: Keys): Promise<string | undefined> {
  if (first === second) return 'it is the same person or API key'
  const [ofFirst, ofSecond] = [await makersOf(first, keys), await makersOf(second, keys)]
  return ofSecond.includes(first) || ofFirst.includes(second) ? 'one of the two made the other' : undefined
}

/** Who made this key, one after the other: keys, and at the end perhaps a person. Nobody made a person. */
async function makersOf(id: string, keys: Keys): Promise<string[]> {
  const makers: string[] = []
  for (let at = await keys.find(id); at?.createdBy; at = await keys.find(makers.at(-1)!)) {
    if (makers.includes(at.createdBy)) break
    makers.push(at.createdBy)
  }
  return makers
}
