/**
 * What a contract asks a person to agree to, and its hash: a consent names it, and holds for nothing else.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { ConsentRule, ContractContent, ContractService } from '#schemas/contract.ts'
import { consentedServices } from './read-consent.ts'

/** A later version of the contract that changes nothing of this asks for the same. */
type Demanded = Pick<ContractContent, 'contract' | 'provider' | 'purpose' | 'legalBasis'> & {
  services: Pick<ContractService, 'serviceCode' | 'endpoints' | 'requestFields' | 'responseFields'>[]
  rule: ConsentRule
}

/** Undefined for a contract that demands no consent. */
export function demandedBy(content: ContractContent): Demanded | undefined {
  const { contract, provider, purpose, legalBasis, consent: rule } = content
  if (rule === undefined) return undefined
  const services = consentedServices(content).map(
    ({ serviceCode, endpoints, requestFields, responseFields }) => ({
      ...{ serviceCode, endpoints },
      ...(requestFields !== undefined && { requestFields }),
      ...(responseFields !== undefined && { responseFields }),
    }),
  )
  return { contract, provider, purpose, legalBasis, services, rule }
}

/** SHA-256, hex, of the RFC 8785 form. */
export function demandHash(demanded: Demanded): string {
  return createHash('sha256').update(canonicalJson(demanded)).digest('hex')
}
