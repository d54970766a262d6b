/**
 * Matches what was presented with what was asked, once more: a query only tells a wallet, it checks nothing
 * (OpenID4VP 14.5).
 */
import type { Json } from '#schemas/sent-values.ts'
import { isObject, type JsonObject } from '../json.ts'
import { need, Refused } from '../refused.ts'
import type { ClaimQuery, CredentialQuery, PathStep, Query } from './query.ts'

export type Found = { path: PathStep[]; values: Json[] }

/**
 * The claims that were asked for. Refuses with `claim_missing` or `claim_value_mismatch` when no set of them
 * is complete.
 */
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
 * Which queries have to be answered, given those that are: all, or one option of every set that is required.
 * A wallet chooses one of the alternatives: of two, nobody could say which one counts.
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
  // Type and value must be equal for one of them; of a list that is asked for as a whole, for one of its
  // members.
  if (values !== undefined) {
    const fits = found.some((one) => values.some((value) => value === one))
    need(fits, 'claim_value_mismatch', path.join('.'))
  }
  return { path, values: found as Json[] }
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

/**
 * The paths of values that were disclosed and not asked for. `disclosed` is where disclosures stand: of one
 * whose parts were asked for, the other parts are looked for to the bottom.
 */
export function beyondAsked(query: CredentialQuery, claims: JsonObject, disclosed: PathStep[][]): string[] {
  const asked = (query.claims ?? []).map(({ path }) => path)
  const beyond = new Set<string>()
  const look = (value: unknown, path: PathStep[]): void => {
    if (asked.some((one) => isBelow(path, one))) return
    const parts = asked.some((one) => isBelow(one, path)) ? partsOf(value) : undefined
    if (parts === undefined) beyond.add(path.join('.'))
    else for (const [step, part] of parts) look(part, [...path, step])
  }
  for (const path of disclosed) look(follow(path, claims)[0], path)
  return [...beyond]
}

function partsOf(value: unknown): [PathStep, unknown][] | undefined {
  if (Array.isArray(value)) return [...value.entries()]
  return isObject(value) ? Object.entries(value) : undefined
}

/** Whether `path` is `of` or stands below it; null means every place in a list. */
function isBelow(path: PathStep[], of: PathStep[]): boolean {
  return of.every((step, at) => {
    const other = path[at]
    if (other === undefined) return false
    return (
      step === other ||
      (step === null && typeof other === 'number') ||
      (other === null && typeof step === 'number')
    )
  })
}
