/** From the claims that were asked for back to the attributes that were needed. */
import type { JudgedCredential } from '../judge.ts'
import type { Source } from './make-query.ts'

/**
 * Each attribute's value, of credentials that are one person's (`verify-answer.ts`); a list where the place
 * means all of a list.
 */
export function attributesOf(credentials: JudgedCredential[], sources: Source[]): Record<string, unknown> {
  const attributes: Record<string, unknown> = {}
  for (const { id, claims } of credentials) {
    const places = sources.find((source) => source.id === id)?.places ?? {}
    for (const [attribute, place] of Object.entries(places)) {
      const found = claims.find(({ path }) => JSON.stringify(path) === JSON.stringify(place))
      if (found === undefined || Object.hasOwn(attributes, attribute)) continue
      attributes[attribute] = place.includes(null) ? found.values : found.values[0]
    }
  }
  return attributes
}
