/**
 * Security servers that cosign this log, with the keys of their witnesses. Guarantees that two registered servers never have one name, and that
 * an older document does not take the place of a newer one.
 */
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { RegisterTables } from '../../register/tables.ts'
import type { Tables } from './tables.ts'

type Row = Tables['log_server_witness']
export type ServerWitnessStore = ReturnType<typeof createServerWitnessStore>

const LISTED = 1000

export function createServerWitnessStore(database: Database, origin: string) {
  const tables = tablesOf<Tables & RegisterTables>(database)

  /** Those of registered servers, whose keys others may want to pin. */
  const registered = (from: Kysely<Tables & RegisterTables>) =>
    from
      .selectFrom('log_server_witness')
      .innerJoin('security_server', 'security_server.id', 'log_server_witness.server')
      .where('log_server_witness.origin', '=', origin)

  return {
    /** Throws `not_found` for a server that is not registered, `conflict` when another server has this name. */
    take: (row: Omit<Row, 'origin'>): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'public log witnesses')
        const server = transaction.selectFrom('security_server').select('id').where('id', '=', row.server)
        if ((await server.executeTakeFirst()) === undefined)
          throw new Fault('not_found', { what: say`no server ${row.server} is registered` })
        const others = registered(transaction)
          .select('log_server_witness.server')
          .where('log_server_witness.name', '=', row.name)
          .where('log_server_witness.server', '!=', row.server)
        if ((await others.executeTakeFirst()) !== undefined)
          throw new Fault('conflict', { what: say`another server has a witness called ${row.name}` })
        await transaction
          .insertInto('log_server_witness')
          .values({ ...row, origin })
          .onConflict((conflict) =>
            conflict
              .columns(['origin', 'server'])
              .doUpdateSet(row)
              .where('log_server_witness.told_at', '<', row.told_at),
          )
          .execute()
      }),
    /** By server, with the newest checkpoint that each cosigned. */
    list: async (): Promise<Omit<Row, 'origin'>[]> => {
      const rows = await registered(tables)
        .select(['server', 'name', 'verifier_key', 'told_at', 'size', 'cosigned_at'])
        .orderBy('server')
        .limit(LISTED)
        .execute()
      return rows.map((row) => ({ ...row, size: Number(row.size) }))
    },
  }
}
