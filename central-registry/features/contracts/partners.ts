/** Members of other instances, as contracts need them; implemented by the federation feature. */

import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { groupOf, instancesOf, partnerOf } from '#core/contract/parties.ts'
import type { ContractContent } from '#schemas/contract.ts'
import type { RegistrationService } from '#schemas/global-configuration.ts'
import { parseMemberId } from '#schemas/identifiers.ts'
import { contentOf } from '../../contract-versions/rows-store.ts'
import { impossible, OPEN } from '../../contract-versions/rules.ts'
import type { ContractRow } from '../../register/tables.ts'

/** A trusted instance of which we have a valid configuration. */
export type PartnerInstance = {
  instance: string
  /** DER of the certificates of the keys that sign for it. */
  certificates: Buffer[]
  index: ConfigurationIndex
  /** Undefined when it accepts no documents of ours, as X-Road's central server. */
  registration: RegistrationService | undefined
}

export type PartnerInstances = {
  /** Reads what has changed. Call it before the transaction that uses `of` or `all`. */
  load(): Promise<void>
  of(instance: string): PartnerInstance | undefined
  all(): PartnerInstance[]
}

export type Partners = {
  /** Updates what `isRegistered` uses. Call it before the transaction. */
  load(): Promise<void>
  /** Whether a valid configuration of a trusted instance has this subsystem. */
  isRegistered(subsystem: string): boolean
}

export const NO_PARTNERS: Partners = { load: async () => undefined, isRegistered: () => false }

/**
 * Throws `contract_not_possible` for a contract of more than two instances, for one without the signer's
 * instance, and for one whose earlier versions have other instances, because each of both registries has all
 * versions. Also throws for other content of a proposal that came from the other registry: only one of the
 * two may change it.
 */
export function checkInstances(content: ContractContent, signer: string, rows: ContractRow[]): void {
  const { instance } = parseMemberId(signer)
  const all = instancesOf(content)
  if (all.length > 2)
    throw impossible(`members of ${all.join(', ')}: a contract is between two instances at most`)
  const group = groupOf(content)
  if (!all.includes(instance))
    throw impossible(
      group === undefined
        ? `no party is of the instance ${instance}`
        : `the group ${group} is one of the instance ${all.join()}, and its terms bind members of that instance; with a provider there, name the consumers of ${instance} by their subsystems`,
    )
  // A proposal that no other registry has seen may still be changed to name a member of another instance.
  const before = rows.filter((row) => row.version !== content.version || instancesIn(row).length > 1)
  const other = before.find((row) => instancesIn(row).join() !== all.join())
  if (other !== undefined)
    throw impossible(
      `version ${other.version} is between members of ${instancesIn(other).join(' and ')}, as each of its versions has to be; propose another contract`,
    )
  const open = rows.find((row) => row.version === content.version && OPEN.includes(row.state))
  if (open?.origin != null)
    throw impossible(
      `it was proposed in the instance ${open.origin}, where it can be changed: decline it, or ask ${open.proposed_by}`,
    )
  if (open !== undefined && open.agreed_at !== null && partnerOf(content, instance) !== undefined)
    throw impossible('this registry has agreed to what is proposed: withdraw it first')
}

function instancesIn(row: ContractRow): string[] {
  return instancesOf(contentOf(row))
}
