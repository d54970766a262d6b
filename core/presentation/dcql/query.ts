/**
 * A DCQL query (OpenID4VP 1.0 section 6), as far as this verifier asks: two formats, both bound to their
 * holder.
 */
import { isObject, isTexts, type JsonObject } from '../json.ts'
import { need } from '../refused.ts'

export type PathStep = string | number | null
export type ClaimQuery = {
  id?: string
  path: PathStep[]
  values?: (string | number | boolean)[]
  intent_to_retain?: boolean
}
export type CredentialFormat = 'dc+sd-jwt' | 'mso_mdoc'
export type CredentialQuery = {
  id: string
  format: CredentialFormat
  meta: { vct_values: string[] } | { doctype_value: string }
  claims?: ClaimQuery[]
  claim_sets?: string[][]
  multiple?: boolean
  trusted_authorities?: { type: string; values: string[] }[]
}
type CredentialSet = { options: string[][]; required?: boolean }
export type Query = { credentials: CredentialQuery[]; credential_sets?: CredentialSet[] }

const ID = /^[A-Za-z0-9_-]{1,64}$/
/** The id of the claim that says whose a credential is, where several credentials must be of one person. */
export const LINK = 'same_person'
const MAX_CREDENTIALS = 32
const MAX_CLAIMS = 100
const MAX_STEPS = 16

/**
 * The query of a request object that this verifier signed; refuses with `record_malformed` what it would not
 * have asked.
 */
export function readQuery(value: unknown): Query {
  need(isObject(value) && isList(value.credentials, MAX_CREDENTIALS), 'record_malformed', 'dcql_query')
  const credentials = value.credentials.map(readCredential)
  const ids = new Set(credentials.map(({ id }) => id))
  need(ids.size === credentials.length, 'record_malformed', 'an id stands twice')
  const sets = value.credential_sets
  if (sets === undefined) return { credentials }
  need(isList(sets, MAX_CREDENTIALS), 'record_malformed', 'credential_sets')
  return { credentials, credential_sets: sets.map((set) => readSet(set, ids)) }
}

/** The types of credential that a query takes: `vct` values or one doctype. */
export function typesOf({ meta }: CredentialQuery): string[] {
  return 'vct_values' in meta ? meta.vct_values : [meta.doctype_value]
}

function readCredential(value: unknown): CredentialQuery {
  need(isObject(value), 'record_malformed', 'credentials')
  const { id, format, claims, claim_sets: claimSets, multiple, trusted_authorities: authorities } = value
  need(typeof id === 'string' && ID.test(id), 'record_malformed', 'id')
  need(format === 'dc+sd-jwt' || format === 'mso_mdoc', 'record_malformed', 'format')
  need(multiple === undefined || typeof multiple === 'boolean', 'record_malformed', 'multiple')
  // Whatever is asked here is bound to its holder.
  need(value.require_cryptographic_holder_binding !== false, 'record_malformed', 'holder binding')
  const read: CredentialQuery = { id, format, meta: readMeta(value.meta, format) }
  if (multiple !== undefined) read.multiple = multiple
  if (authorities !== undefined) read.trusted_authorities = readAuthorities(authorities)
  if (claims === undefined) return read
  need(isList(claims, MAX_CLAIMS), 'record_malformed', 'claims')
  read.claims = claims.map(readClaim)
  if (claimSets === undefined) return read
  const ids = new Set(read.claims.map((claim) => claim.id))
  need(isList(claimSets, MAX_CLAIMS), 'record_malformed', 'claim_sets')
  read.claim_sets = claimSets.map((set) => {
    need(isTexts(set) && set.length > 0 && set.every((one) => ids.has(one)), 'record_malformed', 'claim_sets')
    return set
  })
  return read
}

function readAuthorities(value: unknown): { type: string; values: string[] }[] {
  need(isList(value, MAX_CREDENTIALS), 'record_malformed', 'trusted_authorities')
  return value.map((one) => {
    need(
      isObject(one) && typeof one.type === 'string' && isTexts(one.values),
      'record_malformed',
      'trusted_authorities',
    )
    return { type: one.type, values: one.values }
  })
}

function readMeta(meta: unknown, format: CredentialFormat): CredentialQuery['meta'] {
  need(isObject(meta), 'record_malformed', 'meta')
  if (format === 'dc+sd-jwt') {
    need(isTexts(meta.vct_values) && meta.vct_values.length > 0, 'record_malformed', 'vct_values')
    return { vct_values: meta.vct_values }
  }
  need(typeof meta.doctype_value === 'string', 'record_malformed', 'doctype_value')
  return { doctype_value: meta.doctype_value }
}

function readClaim(value: unknown): ClaimQuery {
  need(isObject(value) && isList(value.path, MAX_STEPS), 'record_malformed', 'path')
  const path = value.path.map((step) => {
    const sound =
      step === null || typeof step === 'string' || (Number.isSafeInteger(step) && (step as number) >= 0)
    need(sound, 'record_malformed', 'path')
    return step as PathStep
  })
  const claim: ClaimQuery = { path }
  if (value.id !== undefined) {
    need(typeof value.id === 'string' && ID.test(value.id), 'record_malformed', 'id of a claim')
    claim.id = value.id
  }
  if (value.values !== undefined) claim.values = readValues(value)
  if (typeof value.intent_to_retain === 'boolean') claim.intent_to_retain = value.intent_to_retain
  return claim
}

function readValues({ values }: JsonObject): (string | number | boolean)[] {
  need(isList(values, MAX_CLAIMS), 'record_malformed', 'values')
  need(
    values.every((one) => ['string', 'number', 'boolean'].includes(typeof one)),
    'record_malformed',
    'values',
  )
  return values as (string | number | boolean)[]
}

function readSet(value: unknown, ids: Set<string>): CredentialSet {
  need(isObject(value) && isList(value.options, MAX_CREDENTIALS), 'record_malformed', 'options')
  const options = value.options.map((option) => {
    need(
      isTexts(option) && option.length > 0 && option.every((id) => ids.has(id)),
      'record_malformed',
      'options',
    )
    return option
  })
  need(value.required === undefined || typeof value.required === 'boolean', 'record_malformed', 'required')
  return value.required === undefined ? { options } : { options, required: value.required }
}

/** A list that is not empty and not too long. */
function isList(value: unknown, max: number): value is unknown[] {
  return Array.isArray(value) && value.length > 0 && value.length <= max
}
