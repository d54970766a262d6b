/** How many contracts that are proposed or in force refer to something: what they name must stay in the register. */
import type { Kysely } from 'kysely'
import type { Tables } from '../migrations/tables.ts'
import { counted } from '../store.ts'
import { LIVE } from './rules.ts'

export function liveContractsOf(kysely: Kysely<Tables>, subsystem: string): Promise<number> {
  return counted(
    kysely
      .selectFrom('contract_party')
      .innerJoin('contract_version', (join) =>
        join
          .onRef('contract_version.contract', '=', 'contract_party.contract')
          .onRef('contract_version.version', '=', 'contract_party.version'),
      )
      .where('contract_party.subsystem', '=', subsystem)
      .where('contract_version.state', 'in', LIVE),
  )
}

export function liveContractsFor(kysely: Kysely<Tables>, group: string): Promise<number> {
  return counted(
    kysely.selectFrom('contract_version').where('global_group', '=', group).where('state', 'in', LIVE),
  )
}
