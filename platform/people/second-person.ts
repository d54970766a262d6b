/**
 * Decides whether two callers who must be two people could be the same person: by the persons behind them, and by who made which
 * API key.
 */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'

type Keys = Pick<ApiKeys, 'find'>

/**
 * Why these two (ids of persons or API keys) might be one person: they are the same, or one made the other. Undefined otherwise.
 */
export async function whyNotTwo(first: string, second: string, keys: Keys): Promise<string | undefined> {
  if (first === second) return 'it is the same person or API key'
  const [ofFirst, ofSecond] = [await makersOf(first, keys), await makersOf(second, keys)]
  return ofSecond.includes(first) || ofFirst.includes(second) ? 'one of the two made the other' : undefined
}

/** The maker of this key, the maker's maker and so on: keys and, at the end, perhaps a person. Persons have no maker. */
export async function makersOf(id: string, keys: Keys): Promise<string[]> {
  const makers: string[] = []
  for (let at = await keys.find(id); at?.createdBy; at = await keys.find(makers.at(-1)!)) {
    if (makers.includes(at.createdBy)) break
    makers.push(at.createdBy)
  }
  return makers
}
