/** Who the parties of a contract are, and whose seal it needs. */
import type { ContractContent } from '#schemas/contract.ts'
import { idText, memberOf, parseSubsystemId } from '#schemas/identifiers.ts'

/** The member of a subsystem, both in text form. */
export function memberOfSubsystem(subsystem: string): string {
  return idText(memberOf(parseSubsystemId(subsystem)))
}

/** Consumer subsystems by name; none for a group, whose members join one by one. */
export function namedConsumers({ consumers }: Pick<ContractContent, 'consumers'>): string[] {
  return 'subsystems' in consumers ? consumers.subsystems : []
}

/** The group that has standard terms. */
export function groupOf({ consumers }: Pick<ContractContent, 'consumers'>): string | undefined {
  return 'globalGroup' in consumers ? consumers.globalGroup : undefined
}

/** The members that all have to seal it before it holds: the provider's, and those of the consumers that it names. */
export function requiredSigners(content: ContractContent): string[] {
  return [...new Set([content.provider, ...namedConsumers(content)].map(memberOfSubsystem))]
}

/** The instances whose members are parties, in order. */
export function instancesOf(content: ContractContent): string[] {
  const parties = [content.provider, ...namedConsumers(content)]
  return [...new Set(parties.map((one) => parseSubsystemId(one).instance))].sort()
}

/** Of a contract between two instances, the one that is not `own`; undefined for a contract within one. */
export function partnerOf(content: ContractContent, own: string): string | undefined {
  return instancesOf(content).find((instance) => instance !== own)
}
