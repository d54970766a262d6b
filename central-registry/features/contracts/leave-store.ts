/**
 * How a member leaves the standard terms of a group that it joined, within the transaction of its act.
 * Guarantees that they go on for all others.
 */
import { type Kysely, sql } from 'kysely'
import { counted } from '../../changes/store.ts'
import type { Decision } from '../../contract-versions/move-version-store.ts'
import { addEvent } from '../../contract-versions/rows-store.ts'
import { LIVE } from '../../register/live-contracts-store.ts'
import type { ContractRow, RegisterTables } from '../../register/tables.ts'

type Version = Pick<ContractRow, 'contract' | 'version'>

/** Whether the member joined this version with a subsystem, also one that has left the group since. */
export async function hasJoined(
  kysely: Kysely<RegisterTables>,
  row: Version,
  member: string,
): Promise<boolean> {
  const own = kysely
    .selectFrom('contract_party')
    .where('contract', '=', row.contract)
    .where('version', '=', row.version)
    .where('member', '=', member)
    .where('role', '=', 'consumer')
  return (await counted(own)) > 0
}

/** How often the member joined this version, those times included after which it left. */
export function joins(kysely: Kysely<RegisterTables>, row: Version, member: string): Promise<number> {
  const begin = `${member} (`
  const events = kysely
    .selectFrom('contract_event')
    .where('contract', '=', row.contract)
    .where('version', '=', row.version)
    .where('act', '=', 'join')
    .where(sql<boolean>`substr("by", 1, ${sql.lit(begin.length)}) = ${begin}`)
  return counted(events)
}

/**
 * Takes the member out of all versions that are open or in force. The seals by which it joined go too:
 * servers read from them who joined.
 */
export async function leave(
  transaction: Kysely<RegisterTables>,
  versions: ContractRow[],
  member: string,
  q: Decision & { reason: string },
): Promise<void> {
  for (const row of versions.filter(({ state }) => LIVE.includes(state))) {
    if (!(await hasJoined(transaction, row, member))) continue
    await transaction
      .deleteFrom('contract_party')
      .where('contract', '=', row.contract)
      .where('version', '=', row.version)
      .where('member', '=', member)
      .where('role', '=', 'consumer')
      .execute()
    await transaction
      .deleteFrom('contract_seal')
      .where('contract', '=', row.contract)
      .where('version', '=', row.version)
      .where('member', '=', member)
      .where('subsystems', 'is not', null)
      .execute()
    await addEvent(transaction, row, { act: 'leave', ...q })
  }
}
