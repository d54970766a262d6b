/**
 * Certificate policies along a path (RFC 5280 6.1 with the policy graph of RFC 9618, which cannot grow
 * exponentially). The caller accepts every policy (the user-initial set is anyPolicy), so only the lowest
 * level of the graph is needed: the graph is null exactly when that level is empty.
 */
import { OID } from '#core/asn1/oids.ts'
import { type Said, say } from '#schemas/said.ts'
import type { Certificate } from './parse-certificate.ts'
import { mapsAnyPolicy } from './path-extensions.ts'

/**
 * `level` maps each valid policy to the policies expected in the next certificate; the counters are those of
 * RFC 5280.
 */
type PolicyState = {
  level: Map<string, Set<string>>
  explicitPolicy: number
  policyMapping: number
  inhibitAnyPolicy: number
}

/** The state above the first of `count` certificates below the anchor. */
export function startPolicies(count: number): PolicyState {
  return {
    level: new Map([[OID.anyPolicy, new Set([OID.anyPolicy])]]),
    explicitPolicy: count + 1,
    policyMapping: count + 1,
    inhibitAnyPolicy: count + 1,
  }
}

/** 6.1.3 (d) to (f): processes a certificate. Returns why its policies refuse the path, or undefined. */
export function enterPolicies(
  state: PolicyState,
  certificate: Certificate,
  position: { last: boolean; selfIssued: boolean },
): Said | undefined {
  const { policies } = certificate.extensions
  const anyCounts = state.inhibitAnyPolicy > 0 || (!position.last && position.selfIssued)
  state.level = policies === undefined ? new Map() : nextLevel(state.level, policies, anyCounts)
  return policyObjection(state)
}

function nextLevel(
  above: Map<string, Set<string>>,
  policies: string[],
  anyCounts: boolean,
): Map<string, Set<string>> {
  const expected = new Set([...above.values()].flatMap((set) => [...set]))
  const level = new Map<string, Set<string>>()
  for (const policy of policies) {
    if (policy === OID.anyPolicy) continue
    if (expected.has(policy) || above.has(OID.anyPolicy)) level.set(policy, new Set([policy]))
  }
  if (policies.includes(OID.anyPolicy) && anyCounts) {
    for (const policy of expected) if (!level.has(policy)) level.set(policy, new Set([policy]))
  }
  return level
}

function policyObjection(state: PolicyState): Said | undefined {
  const acceptable = state.explicitPolicy > 0 || state.level.size > 0
  return acceptable ? undefined : say`no certificate policy holds for the whole path`
}

/** 6.1.4 (a), (b), (h) to (j): prepares for the certificate below an authority. */
export function leavePolicies(
  state: PolicyState,
  certificate: Certificate,
  selfIssued: boolean,
): Said | undefined {
  const { policyMappings, policyConstraints, inhibitAnyPolicy } = certificate.extensions
  if (policyMappings !== undefined) {
    if (mapsAnyPolicy(policyMappings)) return say`a policy mapping that names anyPolicy`
    mapPolicies(state, policyMappings)
  }
  if (!selfIssued) {
    state.explicitPolicy = lower(state.explicitPolicy)
    state.policyMapping = lower(state.policyMapping)
    state.inhibitAnyPolicy = lower(state.inhibitAnyPolicy)
  }
  state.explicitPolicy = least(state.explicitPolicy, policyConstraints?.requireExplicitPolicy)
  state.policyMapping = least(state.policyMapping, policyConstraints?.inhibitPolicyMapping)
  state.inhibitAnyPolicy = least(state.inhibitAnyPolicy, inhibitAnyPolicy)
  return undefined
}

function mapPolicies(state: PolicyState, mappings: { issuerDomain: string; subjectDomain: string }[]): void {
  const mapped = Map.groupBy(mappings, ({ issuerDomain }) => issuerDomain)
  for (const [issuerDomain, ways] of mapped) {
    if (state.policyMapping === 0) state.level.delete(issuerDomain)
    else if (state.level.has(issuerDomain) || state.level.has(OID.anyPolicy)) {
      state.level.set(issuerDomain, new Set(ways.map(({ subjectDomain }) => subjectDomain)))
    }
  }
}

/**
 * 6.1.5 (a), (b), (g): the final checks, after the last certificate was processed. Returns why the path is
 * refused, or undefined.
 */
export function endPolicies(state: PolicyState, certificate: Certificate): Said | undefined {
  state.explicitPolicy = lower(state.explicitPolicy)
  if (certificate.extensions.policyConstraints?.requireExplicitPolicy === 0) state.explicitPolicy = 0
  return policyObjection(state)
}

function lower(counter: number): number {
  return counter > 0 ? counter - 1 : 0
}

function least(counter: number, limit: number | undefined): number {
  return limit === undefined ? counter : Math.min(counter, limit)
}
