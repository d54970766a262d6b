/**
 * Counts the contracts, proposed or in force, that refer to something: what they name must stay in the
 * register.
 */

import { type Expression, type Kysely, type SqlBool, sql } from 'kysely'
import { counted } from '#platform/database/lists.ts'
import type { ContractState } from '#schemas/contract.ts'
import { encodeSegment } from '#schemas/identifiers.ts'
import type { RegisterTables } from './tables.ts'

/** States in which a contract matters to a server: undecided or in force. */
export const LIVE: ContractState[] = ['PROPOSED', 'ACCEPTED', 'ACTIVE', 'SUSPENDED']

/** Not those of a group that the subsystem joined and has left since: no call of it is covered by them. */
export function liveContractsOf(kysely: Kysely<RegisterTables>, subsystem: string): Promise<number> {
  return counted(
    kysely
      .selectFrom('contract_party')
      .innerJoin('contract_version', (join) =>
        join
          .onRef('contract_version.contract', '=', 'contract_party.contract')
          .onRef('contract_version.version', '=', 'contract_party.version'),
      )
      .where('contract_party.subsystem', '=', subsystem)
      .where('contract_version.state', 'in', LIVE)
      .where(({ or, eb, exists, selectFrom }) =>
        or([
          eb('contract_party.role', '<>', 'consumer'),
          eb('contract_version.global_group', 'is', null),
          exists(
            selectFrom('global_group_member')
              .select('client')
              .whereRef('group_code', '=', 'contract_version.global_group')
              .whereRef('client', '=', 'contract_party.subsystem'),
          ),
        ]),
      ),
  )
}

export function liveContractsFor(kysely: Kysely<RegisterTables>, group: string): Promise<number> {
  return counted(
    kysely.selectFrom('contract_version').where('global_group', '=', group).where('state', 'in', LIVE),
  )
}

/** The longest outage grace of the contracts in force, in hours; 0 when none grants one. */
export async function longestGrace(kysely: Kysely<RegisterTables>): Promise<number> {
  const row = await kysely
    .selectFrom('contract_version')
    .select(({ fn }) => fn.max('grace_hours').as('hours'))
    .where('grace_hours', '>', 0)
    .where('state', '=', 'ACTIVE')
    .executeTakeFirst()
  return Number(row?.hours ?? 0)
}

/** Counts contracts with members of another instance. */
export function liveContractsWith(kysely: Kysely<RegisterTables>, instance: string): Promise<number> {
  return counted(
    kysely.selectFrom('contract_version').where('state', 'in', LIVE).where(namesInstance(instance)),
  )
}

/** A condition on a row of contract_version: a party is a member of the instance. */
export function namesInstance(instance: string): Expression<SqlBool> {
  const begin = `${encodeSegment(instance)}/`
  return sql<SqlBool>`exists (
    select 1 from contract_party
    where contract_party.contract = contract_version.contract
      and contract_party.version = contract_version.version
      and substr(contract_party.member, 1, ${sql.lit(begin.length)}) = ${begin})`
}
