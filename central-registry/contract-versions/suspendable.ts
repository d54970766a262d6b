/**
 * Applies the emergency suspension of a contract, in the transaction of the suspension. All versions in force
 * are suspended or resumed together, so that a version which begins next week is suspended like the one that
 * is valid today.
 */

import type { Kysely } from 'kysely'
import type { RegisterTables } from '../register/tables.ts'
import { moveVersion, type Notify } from './move-version-store.ts'
import { addEvent, noContract, rowOfHash, versionsOf } from './rows-store.ts'
import { impossible, isPossible, next } from './rules.ts'

/** What a suspension can do to a contract, within its own transaction. */
export type SuspendableContracts = {
  /**
   * Suspends all versions in force. Throws `not_found`, and `contract_not_possible` unless a version is in
   * force. `hash` is of the version that the administrator has read.
   */
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
  /**
   * Resumes all suspended versions. Throws as `suspend` does, when no version is suspended and `isSuspended`
   * is false.
   */
  resume(
    transaction: Kysely<RegisterTables>,
    q: { contract: string; hash?: string; isSuspended: boolean },
    decision: { by: string; at: string },
  ): Promise<void>
}

export function createSuspendableContracts(notify: Notify): SuspendableContracts {
  /** `hash` is of the version that the administrator has read; without it, `named` is the newest version. */
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
      // Throws with the reason, which is the version's state.
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
      // All versions ended meanwhile, so there is no state to change. The event records that a new version is
      // possible again.
      if (moving.length === 0) await addEvent(transaction, named, { act: 'resume', ...decision })
    },
  }
}
