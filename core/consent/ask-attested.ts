/**
 * What a wallet is asked for where a contract demands attributes: exactly these and the person's code, of
 * credentials in which the code is known. Pure.
 */
import type { Needed, Source } from '#core/presentation/dcql/make-query.ts'
import type { AttestedAttribute, AttributePlace } from '#schemas/contract.ts'

/** The attribute that says whose a credential is. */
export const CODE = 'code'

/** Kinds of credential by `format` and `types`, whose issuers count, and where in them the code stands. */
type Known = {
  format: AttributePlace['format']
  types: string[]
  issuers: string[]
  code: string[]
  /** It attests of a person whom another credential identifies. */
  attestsOnly?: boolean
}
type AskedSource = Source & { issuers: string[] }
type WalletQuestion = { needed: Needed[]; sources: AskedSource[]; linkedBy: string }

/** As many credentials as a query has at most. */
const MOST_SOURCES = 32

/**
 * Undefined where no credential that is known has one of the attributes from an issuer that the contract
 * allows, or none identifies the person: one that does is always asked for.
 */
export function questionFor(
  attributes: readonly AttestedAttribute[],
  known: readonly Known[],
): WalletQuestion | undefined {
  const needed: Needed[] = [
    { attribute: CODE },
    ...attributes.map(({ values }, at) => ({ attribute: keyOf(at), ...(values && { values }) })),
  ]
  const all = known
    .flatMap((one) => one.types.flatMap((type) => sourcesOf({ ...one, types: [type] }, attributes)))
    .slice(0, MOST_SOURCES)
    .map((source, at) => ({ ...source, id: `person_${at + 1}` }))
  const have = (sources: AskedSource[]): boolean =>
    sources.some(({ attestsOnly }) => attestsOnly !== true) &&
    needed.every(({ attribute }) => sources.some(({ places }) => Object.hasOwn(places, attribute)))
  // A holder of these signs the words of the agreement, of others a nonce alone.
  const signing = all.filter(({ format }) => format === 'dc+sd-jwt')
  const sources = have(signing) ? signing : all
  return have(sources) ? { needed, sources, linkedBy: CODE } : undefined
}

/**
 * Of one type: a source for each set of issuers that attributes allow, and of all who identify, with all
 * attributes for which this set may be asked.
 */
function sourcesOf(
  { format, types, issuers, code, attestsOnly = false }: Known,
  attributes: readonly AttestedAttribute[],
): Omit<AskedSource, 'id'>[] {
  const found = attributes.flatMap(({ from }, at) => {
    const place = from.find((one) => one.format === format && types.includes(one.type))
    const allowed = issuers.filter((issuer) => place?.issuers?.includes(issuer) !== false)
    return place === undefined || allowed.length === 0
      ? []
      : [{ key: keyOf(at), claim: place.claim, allowed }]
  })
  const asked = [...(attestsOnly ? [] : [issuers]), ...found.map(({ allowed }) => allowed)]
  const sets = new Map(asked.map((allowed) => [JSON.stringify(allowed), allowed]))
  return [...sets.values()].map((set) => {
    const given = found.filter(({ allowed }) => set.every((issuer) => allowed.includes(issuer)))
    const places = Object.fromEntries(given.map(({ key, claim }) => [key, claim]))
    return { format, types, issuers: set, attestsOnly, places: { [CODE]: code, ...places } }
  })
}

function keyOf(at: number): string {
  return `attribute_${at + 1}`
}
