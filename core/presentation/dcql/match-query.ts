/** Matches what was presented with what was asked, once more: a query only tells a wallet, it checks nothing (OpenID4VP 14.5). */
import { isObject, type JsonObject } from '../json.ts'
import { need, Refused } from '../refused.ts'
import type { ClaimQuery, CredentialQuery, PathStep, Query } from './query.ts'

export type Found = { path: PathStep[]; values: unknown[] }

/** The claims that were asked for. Refuses with `claim_missing` or `claim_value_mismatch` when no set of them is complete. */
export function matchClaims(query: CredentialQuery, claims: JsonObject): Found[] {
  const { claims: asked = [], claim_sets: sets } = query
  if (sets === undefined) return asked.map((claim) => matchClaim(claim, claims))
  let refusal: unknown
  for (const set of sets) {
    try {
      return set.map((id) => matchClaim(asked.find((claim) => claim.id === id)!, claims))
    } catch (thrown) {
      refusal ??= thrown
    }
  }
  throw refusal
}

/**
 * Which queries have to be answered, given those that are: all, or one option of every set that is required. A wallet chooses one of
 * the alternatives: of two, nobody could say which one counts.
 */
export function matchSets(query: Query, answered: ReadonlySet<string>): void {
  if (query.credential_sets === undefined) {
    for (const { id } of query.credentials) need(answered.has(id), 'presentation_missing', id)
    return
  }
  const chosen = new Set<string>()
  for (const { options, required } of query.credential_sets) {
    const met = options.filter((option) => option.every((id) => answered.has(id)))
    const isMet = required === false || met.length > 0
    need(isMet, 'presentation_missing', options.flat().join(' or '))
    need(met.length <= 1, 'presentation_unasked', 'more than one alternative')
    for (const id of met.flat()) chosen.add(id)
  }
  for (const id of answered) need(chosen.has(id), 'presentation_unasked', `${id} beside an alternative`)
}

export function matchClaim({ path, values }: ClaimQuery, claims: JsonObject): Found {
  const found = follow(path, claims)
  need(found.length > 0, 'claim_missing', path.join('.'))
  // Type and value must be equal for one of them; of a list that is asked for as a whole, for one of its members.
  if (values !== undefined) {
    const fits = found.some((one) => values.some((value) => value === one))
    need(fits, 'claim_value_mismatch', path.join('.'))
  }
  return { path, values: found }
}

/** Claims path pointer (OpenID4VP 7): a name, a place in a list, or null for all of a list. */
function follow(path: PathStep[], claims: JsonObject): unknown[] {
  let selected: unknown[] = [claims]
  for (const step of path) {
    selected = selected.flatMap((value) => {
      if (typeof step === 'string') {
        if (!isObject(value)) throw new Refused('claim_missing', path.join('.'))
        return Object.hasOwn(value, step) ? [value[step]] : []
      }
      if (!Array.isArray(value)) throw new Refused('claim_missing', path.join('.'))
      const items: unknown[] = value
      if (step === null) return items
      return step < items.length ? [items[step]] : []
    })
  }
  return selected
}

/** The paths of values that were presented and not asked for, without the claims that stand in the open by their form. */
export function beyondAsked(query: CredentialQuery, claims: JsonObject, open: ReadonlySet<string>): string[] {
  const asked = (query.claims ?? []).map(({ path }) => path)
  const depth = query.format === 'mso_mdoc' ? 2 : 1
  const paths = Object.entries(claims).flatMap(([name, value]) =>
    depth === 2 && isObject(value) ? Object.keys(value).map((inner) => [name, inner]) : [[name]],
  )
  return paths
    .filter((path) => !(path.length === 1 && open.has(path[0]!)))
    .filter((path) => !asked.some((one) => path.every((step, at) => one[at] === step)))
    .map((path) => path.join('.'))
}
