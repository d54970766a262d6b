/**
 * What the emergency suspension of a contract does to it, in the transaction of the suspension: all its versions that are in force
 * stop or go on together, so that one which begins next week does not outlive the suspension of the one that holds today.
 */

import type { Kysely } from 'kysely'
import type { RegisterTables } from '../register/tables.ts'
import { moveVersion, type Notify } from './move-version-store.ts'
import { addEvent, noContract, rowOfHash, versionsOf } from './rows-store.ts'
import { impossible, isPossible, next } from './rules.ts'

/** What a suspension does to a contract within its own transaction. */
export type SuspendableContracts = {
  /** Throws `not_found`, and `contract_not_possible` unless a version is in force; `hash` is of a version that was read. */
  suspend(
    transaction: Kysely<RegisterTables>,
    q: { contract: string; hash?: string; reason: string },
    decision: { by: string; at: string },
  ): Promise<void>
  confirm(
    transaction: Kysely<RegisterTables>,
    contract: string,
    decision: { by: string; at: string },
  ): Promise<void>
  /** Throws the same when neither a version nor, by `isSuspended`, the contract is suspended. */
  resume(
    transaction: Kysely<RegisterTables>,
    q: { contract: string; hash?: string; isSuspended: boolean },
    decision: { by: string; at: string },
  ): Promise<void>
}

export function createSuspendableContracts(notify: Notify): SuspendableContracts {
  /** `hash`: of a version that was read. */
  async function rowsOf(
    transaction: Kysely<RegisterTables>,
    { contract, hash }: { contract: string; hash?: string },
  ) {
    if (hash !== undefined) {
      const { row, rows } = await rowOfHash(transaction, contract, hash)
      return { rows, named: row }
    }
    const rows = await versionsOf(transaction, contract)
    if (rows.length === 0) throw noContract(contract)
    return { rows, named: rows.at(-1)! }
  }

  return {
    async suspend(transaction, q, decision) {
      const { rows, named } = await rowsOf(transaction, q)
      const moving = rows.filter(({ state }) => isPossible(state, 'suspend'))
      // Its state says why not.
      if (moving.length === 0 || q.hash !== undefined) next(named.state, 'suspend')
      for (const row of moving)
        await moveVersion(transaction, row, { act: 'suspend', reason: q.reason, decision, notify })
    },
    async confirm(transaction, contract, decision) {
      for (const row of await versionsOf(transaction, contract))
        if (row.state === 'SUSPENDED') await addEvent(transaction, row, { act: 'confirm', ...decision })
    },
    async resume(transaction, q, decision) {
      const { rows, named } = await rowsOf(transaction, q)
      const moving = rows.filter(({ state }) => isPossible(state, 'resume'))
      if (moving.length === 0 && !q.isSuspended)
        throw impossible(`it is ${named.state}: only a suspended contract can be resumed`)
      for (const row of moving) await moveVersion(transaction, row, { act: 'resume', decision, notify })
      // Its time ended meanwhile: it may have a new version again.
      if (moving.length === 0) await addEvent(transaction, named, { act: 'resume', ...decision })
    },
  }
}
