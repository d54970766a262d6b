/**
 * Security servers that cosign this log, with the keys of their witnesses. Guarantees that two servers never
 * have one name, that an older document does not take the place of a newer one, and that the size of a server
 * never goes down.
 */
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { counted } from '#platform/database/lists.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseClientId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { Whole } from '#schemas/sent-values.ts'
import { refuseSuspended } from '../../documents/taken-store.ts'
import { MANAGEMENT_SERVICE_PROVIDER } from '../../members/store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import type { Tables } from './tables.ts'

type Row = Tables['log_server_witness']
export type ServerWitnessStore = ReturnType<typeof createServerWitnessStore>

const LISTED = 10_000

export function createServerWitnessStore(database: Database, origin: string) {
  const tables = tablesOf<Tables & RegisterTables>(database)

  /** Those of registered servers, whose keys others may want to pin. */
  const registered = (from: Kysely<Tables & RegisterTables>) =>
    from
      .selectFrom('log_server_witness')
      .innerJoin('security_server', 'security_server.id', 'log_server_witness.server')
      .where('log_server_witness.origin', '=', origin)

  const isRegistered = async (from: Kysely<Tables & RegisterTables>, server: string): Promise<boolean> => {
    const row = from.selectFrom('security_server').select('id').where('id', '=', server)
    return (await row.executeTakeFirst()) !== undefined
  }

  return {
    isRegistered: (server: string): Promise<boolean> => isRegistered(tables, server),
    /**
     * Throws `not_found` for a server that is not registered, and `suspended` for one that is, or whose
     * certificate is: who took it over may have its witness as well. Whoever had this name before has it no
     * longer: who may bring it was judged by the caller.
     */
    take: (row: Omit<Row, 'origin'>, signedWith: string): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'public log witnesses')
        if (!(await isRegistered(transaction, row.server)))
          throw new Fault('not_found', { what: say`no server ${row.server} is registered` })
        await refuseSuspended(transaction, { clients: [], servers: [row.server], certificates: [signedWith] })
        await transaction
          .deleteFrom('log_server_witness')
          .where('origin', '=', origin)
          .where('name', '=', row.name)
          .where('server', '!=', row.server)
          .execute()
        const before = await transaction
          .selectFrom('log_server_witness')
          .selectAll()
          .where('origin', '=', origin)
          .where('server', '=', row.server)
          .executeTakeFirst()
        const newest = before !== undefined && before.told_at > row.told_at ? before : row
        const largest = before !== undefined && Number(before.size) > row.size ? before : row
        const next = { ...newest, origin, size: Number(largest.size), cosigned_at: largest.cosigned_at }
        await transaction
          .insertInto('log_server_witness')
          .values(next)
          .onConflict((conflict) => conflict.columns(['origin', 'server']).doUpdateSet(next))
          .execute()
      }),
    /** Members who run this registry: that of the subsystem of the management services. */
    operators: async (): Promise<string[]> => {
      const { value } =
        (await tables
          .selectFrom('system_parameter')
          .select('value')
          .where('name', '=', MANAGEMENT_SERVICE_PROVIDER)
          .executeTakeFirst()) ?? {}
      return value === undefined ? [] : [idText(memberOf(parseClientId(value)))]
    },
    count: (): Promise<Whole> => counted(registered(tables)),
    /** By server, with the largest checkpoint that each cosigned; as many as one answer has room for. */
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
