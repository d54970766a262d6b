/**
 * Computes a query from what is needed: of each credential that can give it exactly those claims, and no
 * more.
 */
import {
  type ClaimQuery,
  type CredentialFormat,
  type CredentialQuery,
  LINK,
  type PathStep,
  type Query,
} from './query.ts'

/** One kind of credential, and where in it each attribute stands. `types`: `vct` values, or one doctype. */
export type Source = {
  id: string
  format: CredentialFormat
  types: string[]
  places: Record<string, PathStep[]>
  /**
   * Its linking attribute says that it is of the same person as the others, and not who that is: one of the
   * others has to.
   */
  attestsOnly?: boolean
  /**
   * Key identifiers of the authorities behind the issuers who count for it, so that others' credentials stay
   * in the wallet.
   */
  authorities?: Buffer[]
}

/** An attribute that is needed, and the values that it may have if not every one will do. */
export type Needed = { attribute: string; values?: (string | number | boolean)[] }

type Question = {
  needed: Needed[]
  sources: Source[]
  /** Whether the answer is kept, which the person is told by wallets that show it (`intent_to_retain`). */
  isKept: boolean
  /** The attribute that says whose a credential is. Without it no two credentials are asked for together. */
  linkedBy?: string
}

/**
 * Sources that give everything alone are alternatives. When none does, as few as possible together, those
 * that give most first; each of them is asked for the linking attribute, too, so that two people's
 * credentials do not become one person. Throws a TypeError if an attribute stands in no source, or in none
 * that has the linking attribute.
 */
export function makeQuery(question: Question): Query {
  const { needed, sources } = question
  const giving = (source: Source, of = needed): Needed[] =>
    of.filter(({ attribute }) => isGiven(source, attribute, question))
  const complete = sources.filter((source) => giving(source).length === needed.length)
  if (complete.length > 0) {
    const credentials = complete.map((source) => asQuery(source, needed, question))
    return complete.length === 1
      ? { credentials }
      : { credentials, credential_sets: [{ options: complete.map(({ id }) => [id]) }] }
  }
  const { linkedBy } = question
  if (linkedBy === undefined)
    throw new TypeError('no credential has all that is needed, and no attribute links several')
  const linked = sources.filter(({ places }) => Object.hasOwn(places, linkedBy))
  const credentials: CredentialQuery[] = []
  let missing = needed
  while (missing.length > 0) {
    const best = linked.reduce<Source | undefined>(
      (most, one) =>
        most === undefined || giving(one, missing).length > giving(most, missing).length ? one : most,
      undefined,
    )
    const given = best === undefined ? [] : giving(best, missing)
    if (best === undefined || given.length === 0)
      throw new TypeError(`no credential has ${missing[0]!.attribute}`)
    const link = needed.find(({ attribute }) => attribute === linkedBy) ?? { attribute: linkedBy }
    const asking = [link, ...given.filter(({ attribute }) => attribute !== linkedBy)]
    credentials.push(asQuery(best, asking, question, linkedBy))
    missing = missing.filter((one) => !given.includes(one))
  }
  return { credentials }
}

function isGiven(
  { places, attestsOnly = false }: Source,
  attribute: string,
  { linkedBy }: Pick<Question, 'linkedBy'>,
): boolean {
  return Object.hasOwn(places, attribute) && !(attestsOnly && attribute === linkedBy)
}

function asQuery(source: Source, needed: Needed[], { isKept }: Question, linkedBy?: string): CredentialQuery {
  const isMdoc = source.format === 'mso_mdoc'
  const claims = needed.map(
    ({ attribute, values }): ClaimQuery => ({
      ...(attribute === linkedBy ? { id: LINK } : {}),
      path: placeIn(source, attribute),
      ...(values === undefined ? {} : { values }),
      ...(isMdoc ? { intent_to_retain: isKept } : {}),
    }),
  )
  const values = [...new Set(source.authorities?.map((id) => id.toString('base64url')))]
  return {
    id: source.id,
    format: source.format,
    meta: isMdoc ? { doctype_value: source.types[0]! } : { vct_values: source.types },
    ...(values.length === 0 ? {} : { trusted_authorities: [{ type: 'aki', values }] }),
    claims,
  }
}

/** A list of an SD-JWT is shown without what stays hidden, so that places in it shift as the wallet likes. */
function placeIn({ id, format, places }: Source, attribute: string): PathStep[] {
  const place = places[attribute]!
  if (format === 'dc+sd-jwt' && place.some((step) => typeof step === 'number'))
    throw new TypeError(`${attribute} of ${id} is at a place in a list, which a wallet can shift`)
  return place
}
