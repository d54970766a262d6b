/** The extensions with which an authority limits the paths below it (RFC 5280 4.2.1.4, .5, .10, .11, .14). */
import { children, type Der, expectTag, malformed, readOid, readSmallInteger, TAG } from '#core/asn1/der.ts'
import { OID } from '#core/asn1/oids.ts'
import { type GeneralName, readGeneralName } from './general-name.ts'

export type NameConstraints = { permitted: GeneralName[]; excluded: GeneralName[] }
export type PolicyMapping = { issuerDomain: string; subjectDomain: string }
export type PolicyConstraints = {
  requireExplicitPolicy: number | undefined
  inhibitPolicyMapping: number | undefined
}

// Limits on the factors whose product decides how long path validation takes.
const MAX_SUBTREES = 128
const MAX_POLICIES = 128
const MAX_MAPPINGS = 128

// The two qualifiers of RFC 5280: a pointer to a practice statement and a notice.
const KNOWN_QUALIFIERS: ReadonlySet<string> = new Set(['1.3.6.1.5.5.7.2.1', '1.3.6.1.5.5.7.2.2'])

export function readNameConstraints(der: Der): NameConstraints {
  const fields = children(expectTag(der, TAG.sequence, 'nameConstraints'))
  const take = (tag: number): GeneralName[] =>
    fields[0]?.tag === tag ? children(fields.shift()!).map(readSubtree) : []
  const constraints = { permitted: take(0xa0), excluded: take(0xa1) }
  const count = constraints.permitted.length + constraints.excluded.length
  if (fields.length > 0 || count === 0 || count > MAX_SUBTREES) throw malformed('nameConstraints')
  return constraints
}

/** RFC 5280 allows only minimum 0, which DER omits, and no maximum, so a subtree is its base alone. */
function readSubtree(der: Der): GeneralName {
  const [base, ...distances] = children(expectTag(der, TAG.sequence, 'subtree'))
  if (base === undefined || distances.length > 0) throw malformed('subtree with a distance')
  return readGeneralName(base)
}

export function readPolicies(der: Der): { oids: string[]; unknownQualifier: boolean } {
  const infos = children(expectTag(der, TAG.sequence, 'certificatePolicies')).map(readPolicyInformation)
  const oids = infos.map(({ oid }) => oid)
  if (oids.length === 0 || oids.length > MAX_POLICIES) throw malformed('wrong number of policies')
  if (new Set(oids).size !== oids.length) throw malformed('a policy stands twice')
  return { oids, unknownQualifier: infos.some(({ unknownQualifier }) => unknownQualifier) }
}

function readPolicyInformation(der: Der): { oid: string; unknownQualifier: boolean } {
  const [oid, qualifiers, ...more] = children(expectTag(der, TAG.sequence, 'policy'))
  if (more.length > 0) throw malformed('policy with too many fields')
  const ids = qualifiers === undefined ? [] : children(expectTag(qualifiers, TAG.sequence, 'qualifiers'))
  if (qualifiers !== undefined && ids.length === 0) throw malformed('empty qualifiers')
  const unknownQualifier = ids.some((info) => !KNOWN_QUALIFIERS.has(readOid(children(info)[0])))
  return { oid: readOid(oid), unknownQualifier }
}

export function readPolicyMappings(der: Der): PolicyMapping[] {
  const mappings = children(expectTag(der, TAG.sequence, 'policyMappings')).map((mapping) => {
    const [issuerDomain, subjectDomain, ...more] = children(expectTag(mapping, TAG.sequence, 'mapping'))
    if (more.length > 0) throw malformed('mapping with too many fields')
    return { issuerDomain: readOid(issuerDomain), subjectDomain: readOid(subjectDomain) }
  })
  if (mappings.length === 0 || mappings.length > MAX_MAPPINGS)
    throw malformed('wrong number of policy mappings')
  return mappings
}

export function readPolicyConstraints(der: Der): PolicyConstraints {
  const fields = children(expectTag(der, TAG.sequence, 'policyConstraints'))
  const take = (tag: number): number | undefined =>
    fields[0]?.tag === tag ? readSmallInteger(fields.shift(), tag) : undefined
  const constraints = { requireExplicitPolicy: take(0x80), inhibitPolicyMapping: take(0x81) }
  const empty =
    constraints.requireExplicitPolicy === undefined && constraints.inhibitPolicyMapping === undefined
  if (fields.length > 0 || empty) throw malformed('policyConstraints')
  return constraints
}

export function readInhibitAnyPolicy(der: Der): number {
  return readSmallInteger(der)
}

/** Whether a mapping names anyPolicy, which RFC 5280 6.1.4 (a) forbids. */
export function mapsAnyPolicy(mappings: PolicyMapping[]): boolean {
  return mappings.some((m) => m.issuerDomain === OID.anyPolicy || m.subjectDomain === OID.anyPolicy)
}
