/** The parties of a contract, and the members whose seals it needs. */
import type { ContractContent } from '#schemas/contract.ts'
import { idText, memberOf, parseSubsystemId } from '#schemas/identifiers.ts'

/** The member of a subsystem, both in text form. */
export function memberOfSubsystem(subsystem: string): string {
  return idText(memberOf(parseSubsystemId(subsystem)))
}

/** The consumer subsystems that the contract names; none for a group, whose members join one by one. */
export function namedConsumers({ consumers }: Pick<ContractContent, 'consumers'>): string[] {
  return 'subsystems' in consumers ? consumers.subsystems : []
}

/** The group for which the contract has standard terms; undefined for named consumers. */
export function groupOf({ consumers }: Pick<ContractContent, 'consumers'>): string | undefined {
  return 'globalGroup' in consumers ? consumers.globalGroup : undefined
}

/**
 * The members that must all seal the contract before it is in force: the provider's member and those of the
 * named consumers.
 */
export function requiredSigners(content: ContractContent): string[] {
  return [...new Set([content.provider, ...namedConsumers(content)].map(memberOfSubsystem))]
}

/** The instances of the parties, sorted. */
export function instancesOf(content: ContractContent): string[] {
  const parties = [content.provider, ...namedConsumers(content)]
  return [...new Set(parties.map((one) => parseSubsystemId(one).instance))].sort()
}

/** The partner instance of a contract between two instances; undefined for a contract within one instance. */
export function partnerOf(content: ContractContent, own: string): string | undefined {
  return instancesOf(content).find((instance) => instance !== own)
}
