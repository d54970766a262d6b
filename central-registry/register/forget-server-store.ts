/** What was counted and noticed of a server goes with it, whatever feature noted it. */
import type { Kysely } from 'kysely'
import { tablesOf } from '#platform/database/open-database.ts'
import type { RegisterTables } from './tables.ts'

/** Tables whose rows belong to one server and outlive no change of its id: under another one it reports anew. */
const TABLES = ['fleet_server', 'fleet_trouble', 'fleet_certificate', 'call_day', 'call_count'] as const

/** Within the transaction in which the server leaves the register, or comes under another id. */
export async function forgetServer(transaction: Kysely<RegisterTables>, server: string): Promise<void> {
  const tables = tablesOf<Record<(typeof TABLES)[number], { server: string }>>({ kysely: transaction })
  for (const table of TABLES) await tables.deleteFrom(table).where('server', '=', server).execute()
}
