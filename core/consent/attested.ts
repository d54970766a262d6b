/**
 * Whether the credentials of a presentation attest what a contract demands of whoever agrees: alike before a
 * consent is kept, and years later. Pure.
 */
import type { JudgedCredential } from '#core/presentation/judge.ts'
import { Refused } from '#core/presentation/refused.ts'
import type { Attested } from '#schemas/consents.ts'
import type { AttestedAttribute, AttributePlace } from '#schemas/contract.ts'
import type { RefusalReason } from '#schemas/presentation.ts'

/** `attribute` is its name in the contract, `types` those of the credentials that could have attested it. */
export class NotAttested extends Refused {
  readonly attribute: string
  readonly types: string[]

  constructor(reason: RefusalReason, attribute: string, types: string[]) {
    super(reason, `${attribute} (${types.join(', ')})`)
    this.attribute = attribute
    this.types = types
  }
}

type Found = { place: AttributePlace; credential: JudgedCredential; values: unknown[] }

/**
 * Which credential attests each. `credentials` are those of a verdict that was made here, with the issuers'
 * names as the reader has them: whether one signed is settled, who it was counts here. Throws a `NotAttested`
 * for the first that none attests.
 */
export function verifyAttested(
  attributes: readonly AttestedAttribute[],
  credentials: readonly JudgedCredential[],
): Attested[] {
  return attributes.map(({ name, values: allowed, from }) => {
    const found = credentials.flatMap((credential) => from.flatMap((place) => findIn(credential, place)))
    const refuse = (reason: RefusalReason, among: readonly { type: string }[]): NotAttested =>
      new NotAttested(reason, name, [...new Set(among.map(({ type }) => type))])
    const held = found.map(({ credential }) => credential)
    if (found.length === 0) throw refuse('claim_missing', from)
    const believed = found.filter(
      ({ place, credential }) => place.issuers?.includes(credential.issuer) !== false,
    )
    if (believed.length === 0) throw refuse('issuer_untrusted', held)
    const fitting = believed.find(({ values }) => fits(values, allowed))
    if (fitting === undefined) throw refuse('claim_value_mismatch', held)
    const { type, issuer } = fitting.credential
    return { name, type, issuer }
  })
}

function findIn(credential: JudgedCredential, place: AttributePlace): Found[] {
  if (credential.format !== place.format || credential.type !== place.type) return []
  const path = JSON.stringify(place.claim)
  const claim = credential.claims.find((one) => JSON.stringify(one.path) === path)
  return claim === undefined || claim.values.length === 0 ? [] : [{ place, credential, values: claim.values }]
}

/** Of a list one member suffices. What says nothing attests nothing. */
function fits(values: unknown[], allowed: AttestedAttribute['values']): boolean {
  if (allowed !== undefined) return values.some((value) => allowed.some((one) => one === value))
  return values.some(saysSomething)
}

/** Where all parts are withheld, an empty object or list stays of what the issuer signed. */
function saysSomething(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() !== ''
  if (typeof value !== 'object' || value === null) return value !== null && value !== undefined
  return Object.values(value).some(saysSomething)
}
