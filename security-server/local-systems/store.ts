/** Reads all rows for the view. Every change raises the counter row in its own transaction. */
import type { Kysely, Selectable } from 'kysely'
import { isForeignKeyViolation } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { Tables } from './tables.ts'

type RowsOf<Name extends keyof Tables> = Selectable<Tables[Name]>[]

export type Rows = {
  /** The counter was read first, so the rows are those of this change or a later one. */
  counter: Whole
  clients: RowsOf<'local_client'>
  certificates: RowsOf<'local_client_certificate'>
  descriptions: RowsOf<'service_description'>
  services: RowsOf<'service'>
  serviceCertificates: RowsOf<'service_certificate'>
  endpoints: RowsOf<'endpoint'>
  rights: RowsOf<'access_right'>
  groups: RowsOf<'local_group'>
  members: RowsOf<'local_group_member'>
}

export type Transaction = Kysely<Tables>

type Store = {
  counter(): Promise<number>
  rows(): Promise<Rows>
  /**
   * Runs a change in one transaction with the increment of the counter. Throws `conflict` when the row that
   * it belongs to is deleted meanwhile.
   */
  change<T>(act: (transaction: Transaction) => Promise<T>): Promise<T>
  /**
   * As `change`, if nothing has changed since the counter had this value. Otherwise nothing is done, and it
   * returns false.
   */
  changeSince(counter: number, act: (transaction: Transaction) => Promise<void>): Promise<boolean>
}

const OUTDATED = Symbol('outdated')

export function createStore(database: Database): Store {
  const tables = tablesOf<Tables>(database)

  async function counter(): Promise<number> {
    const row = await tables
      .selectFrom('local_change')
      .select('counter')
      .where('id', '=', 1)
      .executeTakeFirstOrThrow()
    return Number(row.counter)
  }

  function change<T>(act: (transaction: Transaction, counter: number) => Promise<T>): Promise<T> {
    return inTransaction(tables, async (transaction) => {
      // The lock on this row orders the changes of several nodes.
      const row = await transaction
        .updateTable('local_change')
        .set((row) => ({ counter: row('counter', '+', 1) }))
        .where('id', '=', 1)
        .returning('counter')
        .executeTakeFirstOrThrow()
      return act(transaction, Number(row.counter))
    }).catch((cause: unknown) => {
      // The caller saw a row that somebody else deletes at the same moment.
      if (!isForeignKeyViolation(cause)) throw cause
      throw new Fault('conflict', { what: say`what this belongs to has just been deleted`, cause })
    })
  }

  return {
    counter,
    async rows() {
      // Read first: rows that change meanwhile belong to a higher counter, which the next poll notices.
      const at = await counter()
      return {
        counter: at,
        clients: await tables.selectFrom('local_client').selectAll().orderBy('id').execute(),
        certificates: await tables.selectFrom('local_client_certificate').selectAll().execute(),
        descriptions: await tables.selectFrom('service_description').selectAll().orderBy('id').execute(),
        services: await tables.selectFrom('service').selectAll().orderBy('id').execute(),
        serviceCertificates: await tables.selectFrom('service_certificate').selectAll().execute(),
        endpoints: await tables.selectFrom('endpoint').selectAll().orderBy('id').execute(),
        rights: await tables.selectFrom('access_right').selectAll().orderBy('id').execute(),
        groups: await tables.selectFrom('local_group').selectAll().orderBy('id').execute(),
        members: await tables.selectFrom('local_group_member').selectAll().orderBy('member').execute(),
      }
    },
    change,
    async changeSince(known, act) {
      try {
        await change(async (transaction, now) => {
          // Thrown, so that the counter is not raised either.
          if (now !== known + 1) throw OUTDATED
          await act(transaction)
        })
        return true
      } catch (thrown) {
        if (thrown === OUTDATED) return false
        throw thrown
      }
    },
  }
}
