/**
 * Terminates a contract by the usual rules within a transaction that is rolled back, without notifying
 * anybody.
 */
import type { Kysely } from 'kysely'
import { within } from '../../changes/store.ts'
import { noContract, versionsOf } from '../../contract-versions/rows-store.ts'
import { isPossible } from '../../contract-versions/rules.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { createContractStore } from './store.ts'

/** Terminates through the first version that can be terminated, or the newest. Throws as the act itself. */
export async function terminateUntold(
  transaction: Kysely<RegisterTables>,
  contract: string,
  decision: { by: string; at: string },
): Promise<void> {
  const [, record] = within(transaction)
  const rows = await versionsOf(transaction, contract)
  const row = rows.find(({ state }) => isPossible(state, 'terminate')) ?? rows.at(-1)
  if (row === undefined) throw noContract(contract)
  const store = createContractStore({ record, notify: tellNobody, announce: tellNobody })
  await store.terminate(row.contract, row.hash, 'foreseen', decision)
}

const tellNobody = async (): Promise<void> => undefined
