/** Moves a version of a contract from state to state within a transaction, and has its parties told. */

import type { Kysely } from 'kysely'
import type { Within } from '#platform/database/open-database.ts'
import type { ContractRow, RegisterTables } from '../register/tables.ts'
import { contentOf, joinedOf, setState } from './rows-store.ts'
import { type Act, next, partiesOf } from './rules.ts'

/** Who decides, in words; and when. */
export type Decision = { by: string; at: string }
/** What happened to a version, for those who have to be told. */
export type Happened = Pick<ContractRow, 'contract' | 'version'> & { event: string; members: string[] }
/** Within the transaction: whoever has to be told is told later. */
export type Notify = (transaction: Within, happened: Happened) => Promise<void>

export async function tellParties(
  transaction: Kysely<RegisterTables>,
  row: ContractRow,
  event: string,
  notify: Notify,
): Promise<void> {
  const members = partiesOf(contentOf(row), await joinedOf(transaction, row))
  const { contract, version } = row
  await notify(transaction, { contract, version, event, members })
}

/** Throws `contract_not_possible` when the act is not possible in the state that the version has. */
export async function moveVersion(
  transaction: Kysely<RegisterTables>,
  row: ContractRow,
  q: { act: Act; reason?: string | undefined; decision: Decision; notify: Notify },
): Promise<ContractRow> {
  const { act, reason, decision } = q
  const moved = await setState(
    transaction,
    row,
    { state: next(row.state, act), reason },
    { act, ...decision },
  )
  await tellParties(transaction, moved, moved.state, q.notify)
  return moved
}
