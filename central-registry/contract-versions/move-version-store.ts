/** Changes the state of a contract version within a transaction, and has its parties notified. */

import type { Kysely } from 'kysely'
import type { Within } from '#platform/database/open-database.ts'
import type { ContractRow, RegisterTables } from '../register/tables.ts'
import { contentOf, joinedOf, setState } from './rows-store.ts'
import { type Act, next, partiesOf } from './rules.ts'

/** Who decided, in words, and when. */
export type Decision = { by: string; at: string }
/** An event of a version, with the members to notify. */
export type Happened = Pick<ContractRow, 'contract' | 'version'> & { event: string; members: string[] }
/** Records within the transaction that the members are to be notified; they are notified later. */
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

/**
 * Moves a version to the state that follows the act, records the event and has the parties notified. Throws
 * `contract_not_possible` when the version's state does not allow the act.
 */
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
