/** How secret contracts are for those who look at this server. Pure. */
import { memberOfSubsystem, namedConsumers } from '#core/contract/parties.ts'
import type { ContractContent } from '#schemas/contract.ts'
import type { KeptContract } from './verify-contract.ts'

/**
 * Empty for a contract that is not secret; 1 when its parties let the auditors of the owner see it, else 2.
 */
export function secrecyOf({ secret }: Pick<ContractContent, 'secret'>, owner: string): { secrecy?: 1 | 2 } {
  if (secret === undefined) return {}
  return { secrecy: secret.visibleTo.includes(owner) ? 1 : 2 }
}

/**
 * How secret the relation of these two members is, as in `RecordTerms.secrecy`: 0 when no secret contract
 * connects them.
 */
export function secrecyBetween(
  contracts: KeptContract[],
  { owner, members: [a, b] }: { owner: string; members: readonly [string, string] },
): 0 | 1 | 2 {
  const levels = contracts.map(({ content, joined }) => {
    const provider = memberOfSubsystem(content.provider)
    const consumers = [...namedConsumers(content), ...joined].map(memberOfSubsystem)
    const isBetween = (provider === a && consumers.includes(b)) || (provider === b && consumers.includes(a))
    return (isBetween ? secrecyOf(content, owner).secrecy : undefined) ?? 0
  })
  return Math.max(0, ...levels) as 0 | 1 | 2
}
