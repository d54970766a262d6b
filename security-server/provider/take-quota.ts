/**
 * Guarantees that a call under a contract with a quota is one of those that the parties agreed on, counted
 * over all nodes of this server, before it is logged; a refusal is counted, and no record (refuse.ts).
 */
import type { AllowedRequest } from './check-contract.ts'
import type { ProviderRooms } from './rooms.ts'

/** Allowed, and counted where its contract has a quota. */
export type CountedRequest = AllowedRequest & {
  /** For a call that is not made after all. */
  takeBack(): void
}

/** Throws `contract_quota_used_up` and `contract_quota_unknown`. A call under no contract has no quota. */
export async function takeQuota(allowed: AllowedRequest, rooms: ProviderRooms): Promise<CountedRequest> {
  return { ...allowed, takeBack: await rooms.contractQuotas.take(allowed.terms.contract) }
}
